package dev.godwit.linux;

import dev.godwit.linux.calls.IoctlCalls;
import dev.godwit.linux.calls.ProcessMemoryCalls;
import dev.godwit.linux.calls.SystemCall;

/** The kernel's view of this process's platform threads. */
public final class Threads {

    private Threads() {}

    /** {@return the calling thread's id; of a virtual thread: that of the platform thread which carries it just now} */
    public static int currentId() {
        return (int) IoctlCalls.syscall(SystemCall.GETTID, 0, 0, 0);
    }

    /**
     * Sends a signal to one thread of this process. A call that it waits in is broken off, if the signal's handler does
     * not have it restarted.
     *
     * @return 0, or minus errno: {@link Errno#ESRCH} where there is no such thread any more
     */
    public static long signal(int threadId, int signal) {
        return IoctlCalls.syscall(SystemCall.TGKILL, ProcessMemoryCalls.getpid(), threadId, signal);
    }
}
