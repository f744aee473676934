package dev.godwit.linux.calls;

/**
 * System calls that are made by number, because not every libc has a function for them. The numbers of x86-64 are those
 * of its own table ({@code asm/unistd_64.h}), those of aarch64 the generic ones ({@code asm-generic/unistd.h}).
 */
public enum SystemCall {
    /** The calling thread's id. */
    GETTID(186, 178),
    /** How a thread is scheduled. */
    SCHED_GETSCHEDULER(145, 120),
    /** Has a thread scheduled in another way. */
    SCHED_SETSCHEDULER(144, 119),
    /** A signal to one thread of a process. */
    TGKILL(234, 131),
    /** A userfaultfd. */
    USERFAULTFD(323, 282);

    private final int x86;
    private final int aarch64;

    SystemCall(int x86, int aarch64) {
        this.x86 = x86;
        this.aarch64 = aarch64;
    }

    /** {@return the number on an architecture} */
    public int number(Architecture architecture) {
        return switch (architecture) {
            case X86_64 -> x86;
            case AARCH64 -> aarch64;
        };
    }

    /** {@return the number on this process's architecture} */
    public int number() {
        return number(Architecture.current());
    }
}
