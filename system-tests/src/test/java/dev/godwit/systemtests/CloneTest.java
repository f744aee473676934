package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.Progress;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.operations.CloneControl;
import dev.godwit.operations.CloneOptions;
import dev.godwit.operations.CloneStatus;
import dev.godwit.operations.CloneStatus.State;
import dev.godwit.operations.Clones;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Many guests from one snapshot at once. */
@Timeout(600)
class CloneTest {

    private static final QemuLaunch PC = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc-i440fx-7.2");
    private static final Pattern INTERRUPTED = Pattern.compile("NMI received");

    @TempDir
    private static Path folder = Path.of("");

    private static Path file = Path.of("");
    private static String checksum = "";

    private final List<QemuProcess> destinations = new ArrayList<>();

    @BeforeAll
    static void take_a_snapshot() throws Exception {
        file = folder.resolve("snapshot");
        checksum = LazyRestoreTest.snapshot(PC.on(QemuVersion.QEMU_7_2), file);
    }

    @AfterEach
    void end() {
        destinations.forEach(QemuProcess::close);
    }

    /** Something happens to this guest alone, and its kernel says so. */
    static void interrupt(QemuProcess qemu) throws Exception {
        int from = qemu.console().lineCount();
        qemu.withMonitor(monitor -> monitor.client().execute("inject-nmi"));
        qemu.console().await(INTERRUPTED, from, Duration.ofSeconds(60));
    }

    static boolean wasInterrupted(QemuProcess qemu) {
        return qemu.console().lines().stream()
                .anyMatch(line -> INTERRUPTED.matcher(line).find());
    }

    private QemuProcess destination(QemuLaunch launch) throws IOException {
        QemuProcess qemu = launch.incoming("defer").start();
        destinations.add(qemu);
        return qemu;
    }

    private CloneOptions options(CloneOptions.Way way) {
        return new CloneOptions(
                file, destinations.stream().map(QemuProcess::qmpAddress).toList(), way);
    }

    private static CompletableFuture<Clones.Result> running(Clones clones) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return clones.run();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
    }

    @Test
    void clones_of_two_qemus_run_in_parallel_and_go_ways_of_their_own() throws Exception {
        QemuProcess first = destination(PC);
        QemuProcess second = destination(PC);
        QemuProcess third = destination(PC.on(QemuVersion.QEMU_7_2));
        try (Clones clones = new Clones(options(new CloneOptions.Way.Lazy(Residency.FULL)), Progress.NONE)) {
            Clones.Result result = clones.run();
            System.out.println(result);
            assertThat(result.clones()).extracting(CloneStatus::state).containsOnly(State.COMPLETE);
            assertThat(result.isGood()).isTrue();
            assertThat(result.sharedBytes()).isPositive();
        }
        interrupt(second);
        for (QemuProcess clone : List.of(first, second, third)) {
            Checks.assertGuestGoesOn(clone, checksum);
        }
        assertThat(wasInterrupted(first)).isFalse();
        assertThat(wasInterrupted(third)).isFalse();
    }

    @Test
    void one_that_cannot_be_and_one_that_dies_take_no_other_along() throws Exception {
        QemuProcess good = destination(PC);
        QemuProcess other = destination(SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "q35"));
        QemuProcess dying = destination(PC);
        CloneOptions.Way way =
                new CloneOptions.Way.Lazy(Residency.FULL, Optional.empty(), 24 << 20, Duration.ZERO, false, false);
        try (Clones clones = new Clones(options(way), Progress.NONE)) {
            CompletableFuture<Clones.Result> running = running(clones);
            Await.until(
                    "the third clone",
                    () -> clones.status().size() == 3 && clones.status().get(2).state() == State.RUNNING);
            dying.kill();
            Clones.Result result = running.get(5, TimeUnit.MINUTES);
            System.out.println(result);
            assertThat(result.isGood()).isFalse();
            assertThat(result.clones())
                    .extracting(CloneStatus::state)
                    .containsExactly(State.COMPLETE, State.FAILED, State.FAILED);
            assertThat(result.clones().get(1).failure().orElseThrow())
                    .satisfies(failure -> assertThat(failure.message()).contains("that QEMU a pc-q35"))
                    .satisfies(failure -> assertThat(failure.location()).isEqualTo(GuestLocation.GUEST_AT_SOURCE));
            assertThat(result.clones().get(2).failure().orElseThrow().message()).contains("QEMU has ended");
        }
        assertThat(other.isAlive()).isTrue();
        Checks.assertGuestGoesOn(good, checksum);
    }

    @Test
    void clones_hold_what_they_have_touched_until_the_budget_is_changed_by_command() throws Exception {
        QemuProcess first = destination(PC);
        QemuProcess second = destination(PC);
        QemuProcess left = destination(PC);
        Path socket = folder.resolve("control");
        try (Clones clones = new Clones(options(new CloneOptions.Way.Lazy(Residency.NONE)), Progress.NONE);
                CloneControl _ = CloneControl.open(Optional.of(new MigrationUri.Unix(socket)), clones);
                QmpClient control = QmpClient.connect(new QmpAddress.Unix(socket))) {
            CompletableFuture<Clones.Result> running = running(clones);
            for (QemuProcess clone : destinations) {
                Guest.awaitVerified(clone);
            }
            assertThat(clones.status()).allSatisfy(clone -> {
                assertThat(clone.state()).isEqualTo(State.RUNNING);
                assertThat(clone.pages().requests()).isPositive();
                assertThat(clone.pages().pushedBytes()).isZero();
            });

            push(control, "trickle", first);
            Await.until("the first pages", () -> clones.status().get(0).pages().pushedBytes() > 0);
            assertThat(clones.status().get(1).pages().pushedBytes()).isZero();

            left.withMonitor(monitor -> monitor.client().execute("quit"));
            Await.until("the third clone's end", () -> clones.status().get(2).state() == State.ENDED);
            assertThatThrownBy(() -> push(control, "full", left))
                    .isInstanceOf(QmpException.class)
                    .hasMessageContaining("there is no clone");
            control.execute(CloneControl.PUSH, JsonObject.of("push", "full"));
            Clones.Result result = running.get(5, TimeUnit.MINUTES);
            System.out.println(result);
            assertThat(result.clones())
                    .extracting(CloneStatus::state)
                    .containsExactly(State.COMPLETE, State.COMPLETE, State.ENDED);
            assertThat(result.isGood()).isTrue();
        }
        interrupt(first);
        Checks.assertGuestGoesOn(first, checksum);
        Checks.assertGuestGoesOn(second, checksum);
    }

    private static void push(QmpClient control, String budget, QemuProcess clone) throws IOException {
        control.execute(
                CloneControl.PUSH,
                JsonObject.of("push", budget).with("clone", clone.qmpAddress().toString()));
    }

    @Test
    void clones_whose_source_was_cancelled_are_resumed() throws Exception {
        destination(PC);
        destination(PC);
        CloneOptions.Way.Lazy none = new CloneOptions.Way.Lazy(Residency.NONE);
        try (Clones clones = new Clones(options(none), Progress.NONE)) {
            CompletableFuture<Clones.Result> running = running(clones);
            for (QemuProcess clone : destinations) {
                Guest.awaitVerified(clone); // one that loses its source just before its guest runs ends
            }
            hangUp(clones);
            Clones.Result result = running.get(5, TimeUnit.MINUTES);
            assertThat(result.clones())
                    .allSatisfy(
                            clone -> assertThat(clone.failure().orElseThrow().location())
                                    .isEqualTo(GuestLocation.GUEST_AT_DESTINATION));
        }
        CloneOptions.Way resumed =
                new CloneOptions.Way.Lazy(Residency.FULL, Optional.empty(), 0, Duration.ZERO, false, true);
        try (Clones clones = new Clones(options(resumed), Progress.NONE)) {
            assertThat(clones.run().clones()).extracting(CloneStatus::state).containsOnly(State.COMPLETE);
        }
        for (QemuProcess clone : destinations) {
            Checks.assertGuestGoesOn(clone, checksum);
        }
    }

    private static void hangUp(Clones clones) throws IOException {
        clones.close();
    }
}
