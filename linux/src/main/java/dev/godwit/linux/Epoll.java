package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.godwit.linux.calls.Architecture;
import dev.godwit.linux.calls.EpollCalls;
import dev.godwit.linux.calls.LibC;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/**
 * Waits for many descriptors at once ({@code epoll(7)}), each known by a number of the caller's. Owns its descriptor.
 *
 * <p>Descriptors are added, changed and removed from any thread; one thread waits and then reads what it found. Closing
 * a descriptor removes it, unless there is a duplicate.
 */
public final class Epoll implements Closeable {

    /** What is waited for. Errors and the end of the other side are always reported. */
    public enum Interest {
        /** It can be read. */
        READ(EpollCalls.EPOLLIN),
        /** It can be written. */
        WRITE(EpollCalls.EPOLLOUT),
        /** The other side has ended its sending. */
        PEER_SHUTDOWN(EpollCalls.EPOLLRDHUP),
        /** Reported once each time it becomes so, instead of as long as it is so. */
        EDGE_TRIGGERED(EpollCalls.EPOLLET),
        /** Reported once, then not until it is changed. */
        ONE_SHOT(EpollCalls.EPOLLONESHOT);

        private final int bit;

        Interest(int bit) {
            this.bit = bit;
        }
    }

    /** {@code struct epoll_event} of {@code sys/epoll.h}: packed on x86-64 only. */
    static final StructLayout EPOLL_EVENT_LAYOUT = (switch (Architecture.current()) {
                case X86_64 ->
                    MemoryLayout.structLayout(
                            JAVA_INT_UNALIGNED.withName("events"), JAVA_LONG_UNALIGNED.withName("data"));
                case AARCH64 ->
                    MemoryLayout.structLayout(
                            JAVA_INT_UNALIGNED.withName("events"),
                            MemoryLayout.paddingLayout(4),
                            JAVA_LONG_UNALIGNED.withName("data"));
            })
            .withName("epoll_event");

    private static final long BYTES = EPOLL_EVENT_LAYOUT.byteSize();
    private static final long EVENTS = EPOLL_EVENT_LAYOUT.byteOffset(PathElement.groupElement("events"));
    private static final long DATA = EPOLL_EVENT_LAYOUT.byteOffset(PathElement.groupElement("data"));

    private final Descriptor descriptor;
    private final int capacity;
    private final MemorySegment found;
    private int count;

    private Epoll(Descriptor descriptor, int capacity) {
        this.descriptor = descriptor;
        this.capacity = capacity;
        this.found = Arena.ofAuto().allocate(capacity * BYTES, 8);
    }

    /**
     * Makes one.
     *
     * @param capacity how many descriptors one {@link #await} reports at most; the rest are reported by the next
     */
    public static Epoll create(int capacity) throws LinuxException {
        if (capacity < 1) {
            throw new IllegalArgumentException("the capacity " + capacity + " is not positive");
        }
        return new Epoll(
                Descriptor.ofResult("epoll_create1", EpollCalls.epollCreate(EpollCalls.EPOLL_CLOEXEC), "epoll"),
                capacity);
    }

    /** {@return the owner of the descriptor, which is readable while {@link #await} would find something} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /**
     * Waits for one more. {@link Errno#EEXIST} if it was added before, {@link Errno#EPERM} if nothing can wait for it.
     */
    public void add(Descriptor watched, long key, Interest... interests) throws LinuxException {
        control(EpollCalls.EPOLL_CTL_ADD, watched, key, interests);
    }

    /** Changes what one is waited for. {@link Errno#ENOENT} if it was not added. */
    public void modify(Descriptor watched, long key, Interest... interests) throws LinuxException {
        control(EpollCalls.EPOLL_CTL_MOD, watched, key, interests);
    }

    /** Waits for one no more. {@link Errno#ENOENT} if it was not added. */
    public void remove(Descriptor watched) throws LinuxException {
        control(EpollCalls.EPOLL_CTL_DEL, watched, 0);
    }

    private void control(int operation, Descriptor watched, long key, Interest... interests) throws LinuxException {
        int events = 0;
        for (Interest interest : interests) {
            events |= interest.bit;
        }
        MemorySegment event = LibC.argumentSlot();
        event.set(JAVA_INT_UNALIGNED, EVENTS, events);
        event.set(JAVA_LONG_UNALIGNED, DATA, key);
        int target = watched.borrow();
        try {
            LinuxException.check("epoll_ctl", target, watched);
            long result = descriptor.use(fd -> EpollCalls.epollCtl(fd, operation, target, event.address()));
            LinuxException.check("epoll_ctl", result, watched);
        } finally {
            watched.giveBack();
        }
    }

    /**
     * Waits until something is ready or the time is over; what it found before is forgotten.
     *
     * @param timeoutMs 0 only looks, {@link Poll#FOREVER} waits without end
     * @return how many are ready, 0 where the time is over
     * @throws LinuxException if this is closed
     */
    public int await(int timeoutMs) throws LinuxException {
        count = 0;
        long endNs = System.nanoTime() + timeoutMs * 1_000_000L;
        int restMs = timeoutMs;
        int fd = descriptor.borrow();
        try {
            long result = fd;
            while (fd >= 0) {
                result = EpollCalls.epollWait(fd, found.address(), capacity, restMs);
                if (result != -Errno.EINTR.code()) {
                    break;
                }
                if (timeoutMs > 0) {
                    restMs = (int) Math.max(0, (endNs - System.nanoTime()) / 1_000_000);
                }
            }
            count = (int) LinuxException.check("epoll_wait", result, descriptor);
            return count;
        } finally {
            descriptor.giveBack();
        }
    }

    /**
     * {@return the number under which the descriptor was added that was found ready}
     *
     * @param index below what {@link #await} answered last
     */
    public long key(int index) {
        return found.get(JAVA_LONG_UNALIGNED, at(index) + DATA);
    }

    /** {@return whether it can be read, has ended or has failed: a read would not wait} */
    public boolean isReadable(int index) {
        int ends = EpollCalls.EPOLLIN | EpollCalls.EPOLLHUP | EpollCalls.EPOLLERR | EpollCalls.EPOLLRDHUP;
        return (events(index) & ends) != 0;
    }

    /** {@return whether it can be written, or has failed: a write would not wait} */
    public boolean isWritable(int index) {
        return (events(index) & (EpollCalls.EPOLLOUT | EpollCalls.EPOLLERR)) != 0;
    }

    /** {@return whether the other side is gone, or it failed} */
    public boolean hasEnded(int index) {
        return (events(index) & (EpollCalls.EPOLLHUP | EpollCalls.EPOLLERR)) != 0;
    }

    private int events(int index) {
        return found.get(JAVA_INT_UNALIGNED, at(index) + EVENTS);
    }

    private long at(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index + " of " + count + " that are ready");
        }
        return index * BYTES;
    }

    /** Closes the descriptor; a thread that waits goes on until something is ready. */
    @Override
    public void close() {
        descriptor.close();
    }
}
