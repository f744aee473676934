package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Test;

class IdleSchedulingTest {

    @Test
    void threads_that_were_there_and_threads_that_come_give_way_until_it_ends() throws Exception {
        SynchronousQueue<FutureTask<Integer>> work = new SynchronousQueue<>();
        Thread earlier = Thread.ofPlatform().daemon().start(() -> runAll(work));
        Thread later;
        try (IdleScheduling scheduling = IdleScheduling.begin()) {
            assumeThat(scheduling.isInEffect()).as("may return").isTrue();
            assertThat(policy()).isEqualTo(IdleScheduling.SCHED_IDLE);
            assertThat(in(work, IdleSchedulingTest::policy)).isEqualTo(IdleScheduling.SCHED_IDLE);
            later = Thread.ofPlatform().daemon().start(() -> runAll(work));
            earlier.interrupt();
            earlier.join();
            assertThat(in(work, IdleSchedulingTest::policy)).isEqualTo(IdleScheduling.SCHED_IDLE);
        }
        assertThat(policy()).isEqualTo(IdleScheduling.SCHED_OTHER);
        assertThat(in(work, IdleSchedulingTest::policy)).isEqualTo(IdleScheduling.SCHED_OTHER);
        later.interrupt();
        later.join();
    }

    @Test
    void the_compilers_of_the_virtual_machine_give_way_too() throws Exception {
        try (IdleScheduling scheduling = IdleScheduling.begin()) {
            assertThat(policyOf(threadNamed("C1 CompilerThre")))
                    .isEqualTo(scheduling.isInEffect() ? IdleScheduling.SCHED_IDLE : IdleScheduling.SCHED_OTHER);
        }
        assertThat(policyOf(threadNamed("C1 CompilerThre"))).isEqualTo(IdleScheduling.SCHED_OTHER);
    }

    @Test
    void where_threads_give_way_already_it_changes_nothing_and_its_end_neither() throws Exception {
        try (IdleScheduling outer = IdleScheduling.begin()) {
            int before = policy();
            try (IdleScheduling inner = IdleScheduling.begin()) {
                assertThat(inner.isInEffect()).isFalse();
            }
            assertThat(policy()).isEqualTo(before);
            assertThat(before).isEqualTo(outer.isInEffect() ? IdleScheduling.SCHED_IDLE : IdleScheduling.SCHED_OTHER);
        }
        assertThat(policy()).isEqualTo(IdleScheduling.SCHED_OTHER);
    }

    private static void runAll(SynchronousQueue<FutureTask<Integer>> work) {
        try {
            while (true) {
                work.take().run();
            }
        } catch (InterruptedException _) {
            // All is done.
        }
    }

    private static int in(SynchronousQueue<FutureTask<Integer>> work, Callable<Integer> question) throws Exception {
        FutureTask<Integer> task = new FutureTask<>(question);
        work.put(task);
        return task.get();
    }

    private static int policy() throws IOException {
        return policyOf(Threads.currentId());
    }

    private static int threadNamed(String name) throws IOException {
        try (var threads = Files.list(Path.of("/proc/self/task"))) {
            for (Path thread : threads.toList()) {
                if (Files.readString(thread.resolve("comm")).startsWith(name)) {
                    return Integer.parseInt(thread.getFileName().toString());
                }
            }
        }
        throw new AssertionError("no thread " + name);
    }

    /** Field 41 of {@code proc_pid_stat(5)}; the second, the name, may have spaces, and ends with the last bracket. */
    private static int policyOf(int thread) throws IOException {
        String stat = Files.readString(Path.of("/proc/self/task/" + thread + "/stat"));
        return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[41 - 3]);
    }
}
