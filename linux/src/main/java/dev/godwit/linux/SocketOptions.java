package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.SocketCalls;
import java.lang.foreign.MemorySegment;

/** Options of a socket that are an int. */
final class SocketOptions {

    private SocketOptions() {}

    /** {@return 0, or minus errno} */
    static long set(int fd, int level, int name, int value) {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_INT, 0, value);
        return SocketCalls.setsockopt(fd, level, name, slot.address(), Integer.BYTES);
    }

    /** {@return the value, or minus errno} For options that are not negative. */
    static long get(int fd, int level, int name) {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_INT, Integer.BYTES, Integer.BYTES);
        long result = SocketCalls.getsockopt(fd, level, name, slot.address(), slot.address() + Integer.BYTES);
        return result < 0 ? result : slot.get(JAVA_INT, 0);
    }
}
