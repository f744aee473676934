package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.PollCalls;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/** Waits for one or two descriptors ({@code poll(2)}); for more there is {@link Epoll}. Nothing is allocated. */
public final class Poll {

    /** Waits for ever. */
    public static final int FOREVER = -1;

    /** {@code struct pollfd} of {@code poll.h}. */
    static final StructLayout POLLFD_LAYOUT = MemoryLayout.structLayout(
                    JAVA_INT.withName("fd"), JAVA_SHORT.withName("events"), JAVA_SHORT.withName("revents"))
            .withName("pollfd");

    private static final long BYTES = POLLFD_LAYOUT.byteSize();
    private static final long FD = POLLFD_LAYOUT.byteOffset(PathElement.groupElement("fd"));
    private static final long EVENTS = POLLFD_LAYOUT.byteOffset(PathElement.groupElement("events"));
    private static final long REVENTS = POLLFD_LAYOUT.byteOffset(PathElement.groupElement("revents"));

    private Poll() {}

    /**
     * Waits until one can be read, has ended or has failed, or the time is over.
     *
     * @param timeoutMs 0 only looks, {@link #FOREVER} waits without end
     * @return whether it is so
     * @throws LinuxException if it is closed
     */
    public static boolean readable(Descriptor descriptor, int timeoutMs) throws LinuxException {
        return wait(descriptor, descriptor, PollCalls.POLLIN, timeoutMs) != 0;
    }

    /** Waits until one can be written, or will say why not; otherwise as {@link #readable}. */
    public static boolean writable(Descriptor descriptor, int timeoutMs) throws LinuxException {
        return wait(descriptor, descriptor, PollCalls.POLLOUT, timeoutMs) != 0;
    }

    /**
     * Waits until one of two can be read, has ended or has failed, or the time is over.
     *
     * @return bit 0 for the first, bit 1 for the second, 0 where the time is over
     * @throws LinuxException if one is closed
     */
    public static int readable(Descriptor first, Descriptor second, int timeoutMs) throws LinuxException {
        return wait(first, second, PollCalls.POLLIN, timeoutMs);
    }

    private static int wait(Descriptor first, Descriptor second, int events, int timeoutMs) throws LinuxException {
        int count = first == second ? 1 : 2;
        MemorySegment slot = LibC.argumentSlot();
        long endNs = System.nanoTime() + timeoutMs * 1_000_000L;
        int firstFd = first.borrow();
        int secondFd = second.borrow();
        try {
            LinuxException.check("poll", Math.min(firstFd, secondFd), first);
            long result;
            int restMs = timeoutMs;
            do {
                set(slot, 0, firstFd, events);
                set(slot, BYTES, secondFd, events);
                result = PollCalls.poll(slot.address(), count, restMs);
                if (timeoutMs > 0) {
                    restMs = (int) Math.max(0, (endNs - System.nanoTime()) / 1_000_000);
                }
            } while (result == -Errno.EINTR.code());
            LinuxException.check("poll", result, first);
            int ready = slot.get(JAVA_SHORT, REVENTS) == 0 ? 0 : 1;
            return count == 1 || slot.get(JAVA_SHORT, BYTES + REVENTS) == 0 ? ready : ready | 2;
        } finally {
            first.giveBack();
            second.giveBack();
        }
    }

    private static void set(MemorySegment slot, long at, int fd, int events) {
        slot.set(JAVA_INT, at + FD, fd);
        slot.set(JAVA_SHORT, at + EVENTS, (short) events);
        slot.set(JAVA_SHORT, at + REVENTS, (short) 0);
    }
}
