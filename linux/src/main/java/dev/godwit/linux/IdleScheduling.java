package dev.godwit.linux;

import dev.godwit.linux.calls.IoctlCalls;
import dev.godwit.linux.calls.SystemCall;
import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * While it is open, this process's threads, the virtual machine's own compilers among them, run only on a processor
 * that nobody else wants ({@code SCHED_IDLE}, {@code sched(7)}): for a moment at which another process does what the
 * user waits for. Threads that begin meanwhile are like those that began them.
 *
 * <p>The way back needs {@code CAP_SYS_NICE} or a {@code RLIMIT_NICE} of 20 and more. Who has neither goes on as
 * before: this is then without effect, and {@link #isInEffect} says so.
 */
public final class IdleScheduling implements AutoCloseable {

    /** {@code sched.h}. */
    static final int SCHED_OTHER = 0;

    /** {@code sched.h}. */
    static final int SCHED_IDLE = 5;

    private static final File THREADS = new File("/proc/self/task");

    private final boolean inEffect;

    private IdleScheduling(boolean inEffect) {
        this.inEffect = inEffect;
    }

    /** Begins it. Threads that are scheduled in another way than the ordinary one stay as they are. */
    public static IdleScheduling begin() {
        boolean canReturn = canReturn();
        if (canReturn) {
            change(SCHED_OTHER, SCHED_IDLE);
        }
        return new IdleScheduling(canReturn);
    }

    /** {@return whether threads give way} */
    public boolean isInEffect() {
        return inEffect;
    }

    /** All threads are scheduled as before. */
    @Override
    public void close() {
        if (inEffect) {
            change(SCHED_IDLE, SCHED_OTHER);
        }
    }

    /** A thread tries both ways, and ends: the answer depends on capabilities, limits and what guards the system. */
    private static boolean canReturn() {
        AtomicBoolean returned = new AtomicBoolean();
        Thread trial = Thread.ofPlatform()
                .name("scheduling-trial")
                .start(() -> returned.set(set(0, SCHED_IDLE) == 0 && set(0, SCHED_OTHER) == 0));
        try {
            trial.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        return returned.get();
    }

    private static void change(int from, int to) {
        String[] threads = THREADS.list();
        for (String thread : threads == null ? new String[0] : threads) {
            int id = Integer.parseInt(thread);
            if (IoctlCalls.syscall(SystemCall.SCHED_GETSCHEDULER, id, 0, 0) == from) {
                set(id, to); // one that has ended meanwhile needs nothing
            }
        }
    }

    /** {@code struct sched_param} is one int, the priority, which these two policies do not have. */
    private static long set(int thread, int policy) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment noPriority = arena.allocateFrom(ValueLayout.JAVA_INT, 0);
            try {
                return IoctlCalls.syscall(SystemCall.SCHED_SETSCHEDULER, thread, policy, noPriority.address());
            } finally {
                Reference.reachabilityFence(noPriority);
            }
        }
    }
}
