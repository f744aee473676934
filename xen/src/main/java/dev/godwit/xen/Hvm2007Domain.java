package dev.godwit.xen;

import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A running domain as the saver of 2007 sees it (Xen migration specification sections 1.1, 1.10 and 1.11). Driven by
 * one thread. Any call may fail with an {@link IOException}, which ends the save.
 */
public interface Hvm2007Domain {

    /** What became of a domain that was asked to suspend. */
    enum State {
        /** It still runs. */
        RUNNING,
        /** It is paused and cannot suspend before it goes on. */
        PAUSED,
        /** It is suspended. */
        SUSPENDED,
        /** It is dying, has crashed or is off: it will never suspend. */
        GONE
    }

    /** {@return how many pages it has, the framebuffer included} */
    long pages() throws IOException;

    /** {@return the frames that are not sent} */
    SpecialFrames specialFrames() throws IOException;

    /** Begins to log which frames the guest writes; the log is empty. */
    void enableDirtyLog(FrameSpace space) throws IOException;

    /** Replaces the bits by those of the frames written since the log was cleaned; the log stays as it is. */
    void peekDirtyLog(PageBitmap target) throws IOException;

    /** Replaces the bits by those of the frames written since the log was cleaned, and cleans it, in one step. */
    void cleanDirtyLog(PageBitmap target) throws IOException;

    /** Ends the log. */
    void disableDirtyLog() throws IOException;

    /** From now on the device model {@linkplain DeviceDirtyMaps#mark marks} what it writes. */
    void shareWithDeviceModel(DeviceDirtyMaps maps) throws IOException;

    /** Asks the guest to suspend itself. */
    void suspend() throws IOException;

    /** {@return how far it is with that} */
    State state() throws IOException;

    /** Lets a paused domain go on. */
    void unpause() throws IOException;

    /**
     * Reads a frame, which may change meanwhile.
     *
     * @param target 4096 bytes
     * @return whether it could be mapped; if not, nothing is in the target
     */
    boolean read(long frame, MemorySegment target) throws IOException;

    /** {@return the contexts of the suspended domain's vCPUs, each {@link WordSize#vcpuContextBytes} long} */
    List<MemorySegment> vcpuContexts() throws IOException;

    /** {@return the hypervisor's state of the suspended domain} */
    MemorySegment hvmContext() throws IOException;
}
