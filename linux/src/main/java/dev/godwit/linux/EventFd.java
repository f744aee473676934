package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.EventFdCalls;
import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.ReadWriteCalls;
import java.io.Closeable;
import java.lang.foreign.MemorySegment;

/**
 * A counter that threads wait for together with other descriptors: the way to wake a thread out of {@link Poll} or
 * {@link Epoll}. Owns its descriptor; thread-safe; signalling never blocks.
 */
public final class EventFd implements Closeable {

    private final Descriptor descriptor;

    private EventFd(Descriptor descriptor) {
        this.descriptor = descriptor;
    }

    /** Makes one that is not signalled. */
    public static EventFd create() throws LinuxException {
        long fd = EventFdCalls.eventfd(0, EventFdCalls.EFD_CLOEXEC | EventFdCalls.EFD_NONBLOCK);
        return new EventFd(Descriptor.ofResult("eventfd", fd, "eventfd"));
    }

    /** {@return the owner of the descriptor, which is readable while it is signalled} */
    public Descriptor descriptor() {
        return descriptor;
    }

    /** Signals it; whoever waits for it wakes. A counter that is full stays signalled. */
    public void signal() throws LinuxException {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_LONG, 0, 1);
        long result = descriptor.use(fd -> ReadWriteCalls.write(fd, slot.address(), 8));
        if (result != -Errno.EAGAIN.code()) {
            LinuxException.check("write", result, descriptor);
        }
    }

    /** {@return how often it was signalled since the last time, 0 where it was not} It is not signalled afterwards. */
    public long drain() throws LinuxException {
        MemorySegment slot = LibC.argumentSlot();
        long result = descriptor.use(fd -> ReadWriteCalls.read(fd, slot.address(), 8));
        if (result == -Errno.EAGAIN.code()) {
            return 0;
        }
        LinuxException.check("read", result, descriptor);
        return slot.get(JAVA_LONG, 0);
    }

    /** Closes the descriptor. */
    @Override
    public void close() {
        descriptor.close();
    }
}
