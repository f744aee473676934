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

    /**
     * Begins it. Threads that are scheduled in another way than the ordinary one stay as they are; where the calling
     * one is, somebody has chosen that for this process, and it is without effect.
     */
    public static IdleScheduling begin() {
        boolean inEffect = policyOf(0) == SCHED_OTHER && canReturn();
        if (inEffect) {
            changeAll(SCHED_OTHER, SCHED_IDLE);
        }
        return new IdleScheduling(inEffect);
    }

    /** {@return whether threads give way} */
    public boolean isInEffect() {
        return inEffect;
    }

    /** All threads are scheduled as before. */
    @Override
    public void close() {
        if (inEffect) {
            changeAll(SCHED_IDLE, SCHED_OTHER);
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

    /** Until there is none left: one that was not changed yet may have begun another. */
    private static void changeAll(int from, int to) {
        boolean changed;
        do {
            changed = false;
            String[] threads = THREADS.list();
            for (String thread : threads == null ? new String[0] : threads) {
                int id = Integer.parseInt(thread);
                changed |= policyOf(id) == from && set(id, to) == 0; // it fails for one that has ended meanwhile
            }
        } while (changed);
    }

    /** {@return how a thread is scheduled} 0 is the calling thread. */
    private static long policyOf(int thread) {
        return IoctlCalls.syscall(SystemCall.SCHED_GETSCHEDULER, thread, 0, 0);
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
