package dev.godwit.xen;

import dev.godwit.ram.PageBitmap;

/**
 * The two maps in which a device model marks the frames that it writes, for the hypervisor's log does not see them: it
 * writes into the active one, the saver takes the other (Xen migration specification section 1.12). May be used by
 * several threads.
 */
public final class DeviceDirtyMaps {

    private final PageBitmap[] maps;
    private int active;

    /**
     * Two empty maps.
     *
     * @param space the frames
     */
    public DeviceDirtyMaps(FrameSpace space) {
        maps = new PageBitmap[] {new PageBitmap(space.frames()), new PageBitmap(space.frames())};
    }

    /**
     * {@return maps as the saver of 2007 left them} The length of a map in bytes, by which the device model checked it,
     * stayed in the first 32 bits of map 0 and was taken for frames.
     */
    static DeviceDirtyMaps withSizeMarker(FrameSpace space, WordSize words) {
        DeviceDirtyMaps maps = new DeviceDirtyMaps(space);
        long marker = words.bitmapBytes(space.frames());
        for (int bit = 0; bit < 32; bit++) {
            if ((marker >>> bit & 1) != 0) {
                maps.maps[0].set(bit);
            }
        }
        return maps;
    }

    /** The device model writes a frame: before it does, so that what is read meanwhile comes again. */
    public synchronized void mark(long frame) {
        maps[active].set(frame);
    }

    /**
     * Adds the frames written since the last time.
     *
     * @param target gets them
     * @param last whether the device model has stopped: the maps then stay as they are
     */
    synchronized void take(PageBitmap target, boolean last) {
        int taken = active;
        target.or(maps[taken]);
        if (!last) {
            active = 1 - active;
            maps[taken] = new PageBitmap(target.pages());
        }
    }
}
