package dev.godwit.linux.calls;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Signals and their handlers. */
public final class SignalCalls {

    public static final int SA_RESTART = 0x10000000;
    public static final int SIG_UNBLOCK = 1;

    private static final MethodHandle SIGACTION = LibC.bind("sigaction");
    private static final MethodHandle CURRENT_SIGRTMIN = LibC.bind("__libc_current_sigrtmin");
    private static final MethodHandle CURRENT_SIGRTMAX = LibC.bind("__libc_current_sigrtmax");
    private static final MethodHandle PTHREAD_SIGMASK = LibC.bind("pthread_sigmask");

    private SignalCalls() {}

    public static long sigaction(int signal, long action, long previous) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.intResultOf(
                    (long) SIGACTION.invokeExact(slot, (long) signal, action, previous, 0L, 0L, 0L), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long currentSigrtmin() {
        try {
            return (int) (long) CURRENT_SIGRTMIN.invokeExact(LibC.errnoSlot(), 0L, 0L, 0L, 0L, 0L, 0L);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long currentSigrtmax() {
        try {
            return (int) (long) CURRENT_SIGRTMAX.invokeExact(LibC.errnoSlot(), 0L, 0L, 0L, 0L, 0L, 0L);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long pthreadSigmask(int how, long set, long previous) {
        try {
            return (int) (long) PTHREAD_SIGMASK.invokeExact(LibC.errnoSlot(), (long) how, set, previous, 0L, 0L, 0L);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
