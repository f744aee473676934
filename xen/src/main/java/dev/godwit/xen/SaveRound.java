package dev.godwit.xen;

/**
 * One iteration of the saver of 2007.
 *
 * @param iteration from 1
 * @param sent frames, those that could not be mapped included
 * @param skipped frames that the guest had written again already
 * @param totalSent in all iterations so far
 * @param last whether the guest was suspended
 */
public record SaveRound(int iteration, long sent, long skipped, long totalSent, boolean last) {

    /** {@return what Xen's saver prints} */
    @Override
    public String toString() {
        return "%d: sent %d, skipped %d, ".formatted(iteration, sent, skipped);
    }
}
