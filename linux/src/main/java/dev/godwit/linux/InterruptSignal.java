package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.SignalCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/**
 * A real-time signal of this process that does nothing but break off the call its receiver waits in: the way to get a
 * vCPU out of {@code KVM_RUN}. It is taken once, from those that nobody uses, and never given back.
 */
public final class InterruptSignal {

    /** {@code struct sigaction} of libc, {@code signal.h}; the same on x86-64 and aarch64. */
    static final StructLayout SIGACTION_LAYOUT = MemoryLayout.structLayout(
                    ADDRESS.withName("sa_handler"),
                    MemoryLayout.sequenceLayout(16, JAVA_LONG).withName("sa_mask"),
                    JAVA_INT.withName("sa_flags"),
                    MemoryLayout.paddingLayout(4),
                    ADDRESS.withName("sa_restorer"))
            .withName("sigaction");

    private static final long HANDLER = SIGACTION_LAYOUT.byteOffset(PathElement.groupElement("sa_handler"));
    private static final long MASK = SIGACTION_LAYOUT.byteOffset(PathElement.groupElement("sa_mask"));

    private static InterruptSignal taken = new InterruptSignal(0);

    private final int number;

    private InterruptSignal(int number) {
        this.number = number;
    }

    /**
     * {@return the process's one, which is installed by the first call}
     *
     * @throws LinuxException with {@link Errno#EBUSY} where every real-time signal has a handler already
     */
    public static synchronized InterruptSignal get() throws LinuxException {
        if (taken.number == 0) {
            taken = new InterruptSignal(install());
        }
        return taken;
    }

    private static int install() throws LinuxException {
        int last = (int) SignalCalls.currentSigrtmax();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment action = arena.allocate(SIGACTION_LAYOUT);
            for (int signal = (int) SignalCalls.currentSigrtmin(); signal <= last; signal++) {
                action.fill((byte) 0);
                LinuxException.check("sigaction", SignalCalls.sigaction(signal, 0, action.address()), signal);
                if (action.get(JAVA_LONG, HANDLER) == 0) {
                    action.fill((byte) 0);
                    // a function that takes a number and touches nothing; without SA_RESTART, so that calls break off
                    action.set(ADDRESS, HANDLER, LibC.symbol("abs"));
                    LinuxException.check("sigaction", SignalCalls.sigaction(signal, action.address(), 0), signal);
                    return signal;
                }
            }
        }
        throw new LinuxException("sigaction", Errno.EBUSY, "no real-time signal is without a handler");
    }

    /** {@return its number} */
    public int number() {
        return number;
    }

    /** Lets it through to the calling thread, which may have inherited a mask; each receiver calls this once. */
    public void unblock() throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment set = arena.allocate(SIGACTION_LAYOUT.byteSize() - MASK);
            set.set(JAVA_LONG, 0, 1L << (number - 1));
            // unlike most it returns its error
            LinuxException.check(
                    "pthread_sigmask", -SignalCalls.pthreadSigmask(SignalCalls.SIG_UNBLOCK, set.address(), 0), number);
        }
    }

    /**
     * Breaks off the call that a thread of this process waits in, if it waits in one just now.
     *
     * @param threadId by {@link Threads#currentId()}
     * @return 0, or minus errno: {@link Errno#ESRCH} where there is no such thread any more
     */
    public long send(int threadId) {
        return Threads.signal(threadId, number);
    }
}
