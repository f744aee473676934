package dev.godwit.xen;

/**
 * Frames that domain and hypervisor share and that are made anew at the destination.
 *
 * @param ioreq I/O requests
 * @param store the ring of the store
 * @param bufioreq buffered I/O requests
 */
public record SpecialFrames(long ioreq, long store, long bufioreq) {

    boolean contains(long frame) {
        return frame == ioreq || frame == store || frame == bufioreq;
    }
}
