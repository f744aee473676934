package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.PostcopyReconnector;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.WritingMachine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A machine that writes all the time goes first and its RAM follows, to a destination that checks what it is sent. */
@Timeout(120)
class PostcopyTest {

    private static final long RAM_BYTES = 4 << 20;

    private final WritingMachine machine = new WritingMachine(
                    "test-1", 25, 20_000, new RamBlock("test.ram", RAM_BYTES), new RamBlock("test.rom", 3 * 4096))
            .filled();
    private final List<MachineEvent> events = new CopyOnWriteArrayList<>();
    private final MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, events::add);
    private final Set<MigrationCapability> capabilities =
            EnumSet.of(MigrationCapability.POSTCOPY_RAM, MigrationCapability.EVENTS);
    private volatile MigrationParameters parameters = MigrationParameters.DEFAULTS;

    @AfterEach
    void end_the_machine() throws IOException {
        machine.close();
    }

    private void set(MigrationParameter parameter, Object value) throws ControlException {
        parameters = parameters.with(Map.of(parameter, value));
    }

    private Precopy precopyTo(PostcopyTaker taker) {
        return precopyTo(taker, events::add);
    }

    private Precopy precopyTo(PostcopyTaker taker, Consumer<MachineEvent> listener) {
        return precopyTo(taker, listener, Clock.SYSTEM);
    }

    private Precopy precopyTo(PostcopyTaker taker, Consumer<MachineEvent> listener, Clock clock) {
        return new Precopy(
                machine,
                run,
                () -> connect(taker),
                new PrecopySettings(capabilities, () -> parameters, listener, clock));
    }

    /** Who has used his bandwidth up waits for ever, unless what he waits for happens. */
    private static final class EndlessWindows implements Clock {

        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public void sleep(long ns) throws InterruptedException {
            throw new AssertionError("the guest may go");
        }

        @Override
        public void sleep(long ns, CountDownLatch unless) throws InterruptedException {
            unless.await();
        }
    }

    private static void awaitMore(String what, Precopy precopy, ToLongFunction<MigrationReport.Ram> figure, long than)
            throws Exception {
        Await.until(what, () -> precopy.report().ram().map(figure::applyAsLong).orElse(0L) > than);
    }

    private MachineStream connect(PostcopyTaker taker) throws IOException {
        SocketChannel channel = SocketChannel.open(taker.address());
        MachineStream stream = new MachineStream(machine, channel, capabilities, () -> parameters)
                .returnPath(channel, channel::shutdownOutput);
        return capabilities.contains(MigrationCapability.POSTCOPY_PREEMPT)
                ? stream.preempt(() -> SocketChannel.open(taker.address()))
                : stream;
    }

    private PostcopyReconnector reconnector(PostcopyTaker taker) {
        return work -> MachinePostcopy.overNewConnection(
                work,
                SocketChannel.open(taker.address()),
                capabilities.contains(MigrationCapability.POSTCOPY_PREEMPT)
                        ? Optional.of(() -> SocketChannel.open(taker.address()))
                        : Optional.empty());
    }

    private static FutureTask<Void> start(Precopy precopy) {
        FutureTask<Void> task = new FutureTask<>(() -> {
            precopy.run();
            return null;
        });
        Thread.ofPlatform().name("precopy").start(task);
        return task;
    }

    private void assertArrived(PostcopyTaker taker) {
        assertThat(run.status()).isEqualTo(RunStatus.POSTMIGRATE);
        assertThat(machine.isRunning()).isFalse();
        for (int block = 0; block < taker.memory.size(); block++) {
            assertThat(MemorySegment.ofArray(taker.memory.get(block))
                            .mismatch(machine.memory().block(block)))
                    .as("block %d", block)
                    .isEqualTo(-1);
        }
    }

    private List<MigrationStatus> statuses() {
        return events.stream()
                .filter(MachineEvent.StatusChanged.class::isInstance)
                .map(event -> ((MachineEvent.StatusChanged) event).status())
                .toList();
    }

    private static void await(Precopy precopy, MigrationStatus status) {
        Await.until(status.toString(), () -> {
            assertThat(precopy.report().status())
                    .as(() -> precopy.report().toString())
                    .isNotIn(MigrationStatus.FAILED, MigrationStatus.COMPLETED);
            return precopy.report().status() == status;
        });
    }

    /** Waits until it is paused, or complete. */
    private static boolean isPaused(Precopy precopy) {
        Await.until(
                "a pause or the end",
                () -> precopy.report().status() == MigrationStatus.POSTCOPY_PAUSED
                        || precopy.report().status() == MigrationStatus.COMPLETED);
        return precopy.report().status() == MigrationStatus.POSTCOPY_PAUSED;
    }

    @ParameterizedTest
    @CsvSource({
        "linear, false, false",
        "fault-forward, true, false",
        "recorded, false, true",
        "fault-forward, true, true"
    })
    void a_guest_that_goes_at_once_is_followed_by_all_of_its_ram(String order, boolean preempt, boolean xbzrle)
            throws Exception {
        if (preempt) {
            capabilities.add(MigrationCapability.POSTCOPY_PREEMPT);
        }
        if (xbzrle) {
            capabilities.add(MigrationCapability.XBZRLE);
        }
        set(MigrationParameter.X_POSTCOPY_ORDER, order);
        set(MigrationParameter.MAX_POSTCOPY_BANDWIDTH, 2 * RAM_BYTES);
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(preempt, 25)) {
            taker.start();
            AtomicLong standsStillNs = new AtomicLong();
            Precopy precopy = precopyTo(taker, event -> {
                events.add(event);
                if (event.equals(new MachineEvent.StatusChanged(MigrationStatus.DEVICE))) {
                    standsStillNs.set(System.nanoTime());
                }
            });
            precopy.startPostcopy();
            FutureTask<Void> running = start(precopy);
            taker.join();
            running.get();

            assertArrived(taker);
            assertThat(precopy.downtime().orElseThrow().totalNs())
                    .as("from before it was told to stand still until the destination said that it runs")
                    .isGreaterThanOrEqualTo(taker.ranNs() - standsStillNs.get());
            assertThat(taker.postcopyPages()).isEqualTo(RAM_BYTES / 4096 + 3);
            assertThat(taker.commands)
                    .as("the two blocks are forgotten before the guest is stopped")
                    .startsWith(
                            "OpenReturnPath",
                            "Ping",
                            "PostcopyAdvise",
                            "RamDiscard",
                            "RamDiscard",
                            "Ping",
                            "SwitchoverStart",
                            "Packaged",
                            "Ping");
            assertThat(statuses())
                    .containsExactly(
                            MigrationStatus.SETUP,
                            MigrationStatus.ACTIVE,
                            MigrationStatus.DEVICE,
                            MigrationStatus.POSTCOPY_ACTIVE,
                            MigrationStatus.COMPLETED);
            MigrationReport.Ram ram = precopy.report().ram().orElseThrow();
            assertThat(ram.postcopyRequests()).isPositive();
            assertThat(ram.postcopyBytes()).isGreaterThan(RAM_BYTES / 2);
            assertThat(ram.normalPages() + ram.duplicatePages()).isEqualTo(RAM_BYTES / 4096 + 3);
            assertThat(ram.remainingBytes()).isZero();
            assertThat(precopy.report().downtimeMs()).isPresent();
        }
    }

    /** To lift the protection of all memory takes time, for which a guest that is being started there would wait. */
    @Test
    void writes_are_recorded_while_the_guest_is_followed_and_no_longer_when_the_end_is_told() throws Exception {
        AtomicBoolean recordedAtEnd = new AtomicBoolean(true);
        set(MigrationParameter.MAX_POSTCOPY_BANDWIDTH, RAM_BYTES / 30);
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(false, 27)) {
            taker.start();
            Precopy precopy = precopyTo(taker, event -> {
                if (event.equals(new MachineEvent.StatusChanged(MigrationStatus.COMPLETED))) {
                    recordedAtEnd.set(machine.recordsWrites());
                }
            });
            precopy.startPostcopy();
            FutureTask<Void> running = start(precopy);
            awaitMore("that the guest runs there, and asks", precopy, MigrationReport.Ram::postcopyRequests, 0);
            assertThat(machine.recordsWrites()).isTrue();
            set(MigrationParameter.MAX_POSTCOPY_BANDWIDTH, 0L);
            taker.join();
            running.get();

            assertArrived(taker);
            assertThat(recordedAtEnd).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void what_was_sent_before_and_not_written_since_is_not_sent_again(boolean xbzrle) throws Exception {
        if (xbzrle) {
            capabilities.add(MigrationCapability.XBZRLE);
        }
        set(MigrationParameter.MAX_BANDWIDTH, RAM_BYTES / 2);
        try (PostcopyTaker taker = new PostcopyTaker(false, 26)) {
            taker.start();
            Precopy precopy = precopyTo(taker); // of a guest that is paused
            FutureTask<Void> running = start(precopy);
            awaitMore("some of RAM", precopy, MigrationReport.Ram::transferredBytes, RAM_BYTES / 8);
            precopy.startPostcopy();
            taker.join();
            running.get();

            assertArrived(taker);
            MigrationReport.Ram ram = precopy.report().ram().orElseThrow();
            assertThat(ram.normalPages() + ram.duplicatePages()).isEqualTo(RAM_BYTES / 4096 + 3);
            assertThat(taker.postcopyPages()).isBetween(1L, RAM_BYTES / 4096);
        }
    }

    @Test
    void what_was_written_after_it_was_sent_is_forgotten_when_the_guest_stands_still() throws Exception {
        set(MigrationParameter.MAX_BANDWIDTH, RAM_BYTES / 2);
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(false, 29).beforeStop(this::awaitManyWrites)) {
            taker.start();
            Precopy precopy = precopyTo(taker);
            FutureTask<Void> running = start(precopy);
            awaitMore("half of RAM", precopy, MigrationReport.Ram::transferredBytes, RAM_BYTES / 2);
            precopy.startPostcopy();
            taker.join();
            running.get();

            assertArrived(taker);
            assertThat(taker.commands)
                    .containsSubsequence("RamDiscard", "Ping", "SwitchoverStart", "RamDiscard", "Packaged");
        }
    }

    /** So many that some are to pages that were sent. */
    private void awaitManyWrites() {
        long before = machine.steps();
        Await.until("1000 writes", () -> machine.steps() > before + 1000);
    }

    @Test
    void a_guest_that_is_let_go_first_does_not_wait_for_bandwidth_that_was_used_up() throws Exception {
        set(MigrationParameter.MAX_BANDWIDTH, RAM_BYTES);
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(false, 28)) {
            taker.start();
            Precopy precopy = precopyTo(taker, events::add, new EndlessWindows());
            FutureTask<Void> running = start(precopy);
            awaitMore("what this window took", precopy, MigrationReport.Ram::transferredBytes, RAM_BYTES / 10);
            precopy.startPostcopy();
            taker.join();
            running.get();

            assertArrived(taker);
        }
    }

    @Test
    void a_guest_that_has_converged_goes_the_ordinary_way() throws Exception {
        try (PostcopyTaker taker = new PostcopyTaker(false, 27)) {
            taker.start();
            Precopy precopy = precopyTo(taker);
            // without a guest that runs the first pass is the last, and nothing asks for postcopy
            FutureTask<Void> running = start(precopy);
            assertThatThrownBy(taker::join)
                    .as("devices outside of a package: an ordinary end")
                    .hasRootCauseMessage("a section outside the package: test/vcpu");
            assertThatThrownBy(running::get).hasCauseInstanceOf(MigrationException.class);
        }
    }

    @ParameterizedTest(name = "{0} cuts, second connection: {1}, seed {2}")
    @CsvSource({"1, false, 1", "10, false, 2", "10, true, 3"})
    void a_connection_that_breaks_again_and_again_is_made_anew(int cuts, boolean preempt, long seed) throws Exception {
        if (preempt) {
            capabilities.add(MigrationCapability.POSTCOPY_PREEMPT);
        }
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(preempt, seed).cutting(cuts, 90)) {
            taker.start();
            Precopy precopy = precopyTo(taker);
            precopy.startPostcopy();
            FutureTask<Void> running = start(precopy);
            int found = 0;
            while (isPaused(precopy)) {
                found++;
                assertThat(precopy.report().errorDescription().orElseThrow()).contains("migrate-recover there");
                assertThat(run.status()).isEqualTo(RunStatus.FINISH_MIGRATE);
                precopy.resume(reconnector(taker));
            }
            taker.join();
            running.get();

            assertArrived(taker);
            List<MigrationStatus> expected = new ArrayList<>(List.of(
                    MigrationStatus.SETUP,
                    MigrationStatus.ACTIVE,
                    MigrationStatus.DEVICE,
                    MigrationStatus.POSTCOPY_ACTIVE));
            assertThat(found).isBetween(1, cuts);
            for (int cut = 0; cut < found; cut++) {
                expected.addAll(List.of(
                        MigrationStatus.POSTCOPY_PAUSED,
                        MigrationStatus.POSTCOPY_RECOVER_SETUP,
                        MigrationStatus.POSTCOPY_RECOVER,
                        MigrationStatus.POSTCOPY_ACTIVE));
            }
            expected.add(MigrationStatus.COMPLETED);
            assertThat(statuses()).isEqualTo(expected);
        }
    }

    @Test
    void a_destination_that_cannot_be_reached_again_leaves_it_paused() throws Exception {
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(false, 5).cutting(1, 90)) {
            taker.start();
            Precopy precopy = precopyTo(taker);
            precopy.startPostcopy();
            FutureTask<Void> running = start(precopy);
            await(precopy, MigrationStatus.POSTCOPY_PAUSED);
            assertThatThrownBy(precopy::pause).isInstanceOf(ControlException.class);
            precopy.resume(_ -> {
                throw new IOException("nobody there");
            });
            Await.until("another pause", () -> statuses().size() >= 7);
            assertThat(precopy.report().errorDescription().orElseThrow()).contains("nobody there");
            precopy.resume(reconnector(taker));
            taker.join();
            running.get();
            assertArrived(taker);
        }
    }

    @Test
    void a_destination_that_refuses_the_devices_gives_the_guest_back() throws Exception {
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(false, 6).refusing()) {
            taker.start();
            Precopy precopy = precopyTo(taker);
            precopy.startPostcopy();
            assertThatThrownBy(precopy::run)
                    .isInstanceOfSatisfying(
                            MigrationException.class,
                            e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE))
                    .hasMessageContaining("before it let the guest run");
            assertThat(run.status()).isEqualTo(RunStatus.RUNNING);
        }
    }

    @Test
    void a_source_that_ends_too_early_says_that_the_guest_is_lost() throws Exception {
        run.cont();
        try (PostcopyTaker taker = new PostcopyTaker(false, 7).cutting(1, 90)) {
            taker.start();
            Precopy precopy = precopyTo(taker);
            precopy.startPostcopy();
            assertThat(precopy.lossAtEnd()).isEmpty();
            FutureTask<Void> running = start(precopy);
            await(precopy, MigrationStatus.POSTCOPY_PAUSED);
            precopy.cancel();
            assertThat(precopy.report().status()).isEqualTo(MigrationStatus.POSTCOPY_PAUSED);
            assertThat(precopy.lossAtEnd().orElseThrow()).contains("are lost");
            precopy.abandon();
            assertThatThrownBy(running::get)
                    .isInstanceOf(ExecutionException.class)
                    .cause()
                    .isInstanceOfSatisfying(
                            MigrationException.class,
                            e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_LOST));
            assertThat(machine.isRunning()).isFalse();
            assertThat(run.status()).isEqualTo(RunStatus.FINISH_MIGRATE);
        }
    }
}
