package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.ClockCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.List;

/**
 * Processor time of this process and of its threads. A thread's clock has the number {@code ~id << 3 | 6}: bit 2 says
 * that it is one thread's and not its process's, the two below that it counts what the scheduler does
 * ({@code CPUCLOCK_SCHED} of the kernel's {@code posix-timers_types.h}).
 */
public final class ThreadTimes {

    /** {@code struct timespec} of a 64-bit process, {@code time.h}. */
    static final StructLayout TIMESPEC_LAYOUT = MemoryLayout.structLayout(
                    JAVA_LONG.withName("tv_sec"), JAVA_LONG.withName("tv_nsec"))
            .withName("timespec");

    private static final long NANOSECONDS = TIMESPEC_LAYOUT.byteOffset(PathElement.groupElement("tv_nsec"));
    private static final int THREAD_CLOCK = 6;

    private ThreadTimes() {}

    /** {@return how long this process has run on the host's processors, in ns} */
    public static long ofProcess() {
        return of(ClockCalls.CLOCK_PROCESS_CPUTIME_ID);
    }

    /**
     * {@return how long threads of this process have run, in ns; one that has ended counts nothing}
     *
     * @param threadIds by {@link Threads#currentId}; 0 is no thread's
     */
    public static long ofThreads(List<Integer> threadIds) {
        long sum = 0;
        for (int threadId : threadIds) {
            sum += threadId == 0 ? 0 : of(~threadId << 3 | THREAD_CLOCK);
        }
        return sum;
    }

    private static long of(int clock) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment time = arena.allocate(TIMESPEC_LAYOUT);
            return ClockCalls.clockGettime(clock, time.address()) < 0
                    ? 0
                    : time.get(JAVA_LONG, 0) * 1_000_000_000 + time.get(JAVA_LONG, NANOSECONDS);
        }
    }
}
