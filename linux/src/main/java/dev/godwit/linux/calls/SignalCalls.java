package dev.godwit.linux.calls;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Signals and their handlers. */
public final class SignalCalls {

    public static final int SA_RESTART = 0x10000000;
    public static final int SIG_UNBLOCK = 1;

    private static final MethodHandle SIGACTION =
            LibC.bind("sigaction", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG), LibC.ERRNO);
    private static final MethodHandle CURRENT_SIGRTMIN =
            LibC.bind("__libc_current_sigrtmin", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle CURRENT_SIGRTMAX =
            LibC.bind("__libc_current_sigrtmax", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle PTHREAD_SIGMASK =
            LibC.bind("pthread_sigmask", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));

    private SignalCalls() {}

    public static long sigaction(int signal, long action, long previous) {
        MemorySegment slot = LibC.errnoSlot();
        try {
            return LibC.resultOf((int) SIGACTION.invokeExact(slot, signal, action, previous), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long currentSigrtmin() {
        try {
            return (int) CURRENT_SIGRTMIN.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long currentSigrtmax() {
        try {
            return (int) CURRENT_SIGRTMAX.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    public static long pthreadSigmask(int how, long set, long previous) {
        try {
            return (int) PTHREAD_SIGMASK.invokeExact(how, set, previous);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
