package dev.godwit.linux;

import dev.godwit.linux.calls.CloseCalls;
import dev.godwit.linux.calls.FcntlCalls;
import java.io.Closeable;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The one owner of a file descriptor of this process.
 *
 * <p>Thread-safe. {@link #close()} may come at any time: calls under way finish first and the last of them closes the
 * descriptor, so that its number is never reused under their feet; later calls fail with {@link Errno#EBADF}.
 */
public final class Descriptor implements Closeable {

    private static final int CLOSED = 1 << 30;
    private static final int RELEASED = 1 << 29;

    private final int number;
    private final String name;
    /** Calls under way, plus CLOSED once close was called, plus RELEASED once the descriptor is gone. */
    private final AtomicInteger users = new AtomicInteger();

    private Descriptor(int number, String name) {
        this.number = number;
        this.name = name;
    }

    /**
     * Takes a number of this process over: nobody else may use or close it from now on.
     *
     * @param number an open descriptor, for example one that the parent process left to this one
     * @param name what it is, for people
     */
    public static Descriptor own(int number, String name) {
        if (number < 0) {
            throw new IllegalArgumentException("no descriptor has the number " + number);
        }
        return new Descriptor(number, name);
    }

    /** {@return the owner of what a call answered, which opens a descriptor or failed} */
    static Descriptor ofResult(String call, long result, String name) throws LinuxException {
        return own((int) LinuxException.check(call, result, name), name);
    }

    /**
     * {@return the number, which stays open until {@link #giveBack()}; or minus {@link Errno#EBADF} after the close}
     * Each borrowing is given back exactly once, whatever the answer was.
     */
    public int borrow() {
        return (users.incrementAndGet() & CLOSED) == 0 ? number : -Errno.EBADF.code();
    }

    /** Ends a borrowing. */
    public void giveBack() {
        if (users.decrementAndGet() == CLOSED) {
            release();
        }
    }

    /** {@return the number, for messages and for children of this process; it means nothing after {@link #close()}} */
    public int number() {
        return number;
    }

    /** {@return what it is, for people} */
    public String name() {
        return name;
    }

    /** {@return whether {@link #close()} was called} */
    public boolean isClosed() {
        return (users.get() & CLOSED) != 0;
    }

    /**
     * {@return a second descriptor of the same open file, with an owner of its own}
     *
     * @throws LinuxException if this one is closed, or there are too many
     */
    public Descriptor duplicate() throws LinuxException {
        return ofResult("fcntl", use(fd -> FcntlCalls.fcntl(fd, FcntlCalls.F_DUPFD_CLOEXEC, 0)), name);
    }

    /** Closes it, or leaves that to the last call under way. Twice does no harm. */
    @Override
    public void close() {
        users.getAndUpdate(state -> state | CLOSED);
        release();
    }

    @Override
    public String toString() {
        return name + " (descriptor " + number + ")";
    }

    /** A call of the kernel on a descriptor. */
    interface Call {
        long on(int fd);
    }

    /** {@return what the kernel answers; minus EBADF after the close} */
    long useOnce(Call call) {
        int fd = borrow();
        try {
            return fd < 0 ? fd : call.on(fd);
        } finally {
            giveBack();
        }
    }

    /** {@return what the kernel answers; minus EBADF after the close} A call that a signal broke off is made again. */
    long use(Call call) {
        long result;
        do {
            result = useOnce(call);
        } while (result == -Errno.EINTR.code());
        return result;
    }

    /** {@return what the kernel answers, not negative} */
    long check(String callName, Call call) throws LinuxException {
        return LinuxException.check(callName, use(call), this);
    }

    private void release() {
        if (users.compareAndSet(CLOSED, CLOSED | RELEASED)) {
            CloseCalls.close(number);
        }
    }
}
