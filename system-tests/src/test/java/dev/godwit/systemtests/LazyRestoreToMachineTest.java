package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.qmp.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The snapshot of a machine of ours, restored lazily into another one, which verifies every page of it. */
@Timeout(600)
class LazyRestoreToMachineTest {

    private static final String[] SMALL = {"--ram", "32M", "--vcpus", "2", "--rate", "20000"};

    @TempDir
    private static Path folder = Path.of("");

    private static Path file = Path.of("");

    @BeforeAll
    static void take_a_snapshot() throws Exception {
        List<String> refusals = PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy here: " + refusals);
        Optional<String> missing = UserfaultfdWriteTracking.missing(false);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots here: " + missing.orElse(""));
        file = folder.resolve("snapshot");
        try (RunningMachine machine = RunningMachine.start(folder, "source", SMALL)) {
            Process taking = godwit(
                    "snapshot", file.toString(), "--qmp", machine.socket().toString());
            assertThat(taking.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(taking.exitValue()).as(said()).isZero();
        }
    }

    private static Process godwit(String... arguments) throws IOException {
        return RunningMachine.godwit(folder.resolve("said"), List.of(arguments));
    }

    private static String said() throws IOException {
        return Files.readString(folder.resolve("said"));
    }

    private static RunningMachine destination(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of(SMALL));
        all.addAll(Arrays.asList(arguments));
        return RunningMachine.start(Files.createTempDirectory(folder, "to"), "destination", all.toArray(String[]::new));
    }

    private static Process restoreInto(RunningMachine destination, String... more) throws IOException {
        List<String> all = new ArrayList<>(List.of(
                "restore",
                "--lazy",
                file.toString(),
                "--qmp",
                destination.socket().toString()));
        all.addAll(Arrays.asList(more));
        return godwit(all.toArray(String[]::new));
    }

    private static void assertRestored(Process restore, RunningMachine destination) throws Exception {
        assertThat(restore.waitFor(200, TimeUnit.SECONDS)).isTrue();
        assertThat(restore.exitValue()).as(said() + destination.log()).isZero();
        assertThat(said()).contains("the guest is at the destination");
        assertThat(destination.awaitMigration("completed").status()).isEqualTo("completed");
        assertThat(destination.status()).isEqualTo("running");
        JsonObject report = destination.verify();
        assertThat(report.truth("sound")).as(report.toString()).contains(true);
        assertThat(report.wholeNumber("checked-pages").orElseThrow()).isGreaterThanOrEqualTo(8192);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--order linear",
                "--order fault-forward --preempt",
                "--order fault-forward --record",
                "--order linear --preempt --max-bandwidth 64M"
            })
    void a_machine_that_is_told_what_to_take_has_every_page_with(String arguments) throws Exception {
        try (RunningMachine destination = destination("--incoming", "defer")) {
            assertRestored(restoreInto(destination, arguments.split(" ", -1)), destination);
            assertThat(said()).containsPattern("asked for +[1-9][0-9]* pages");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"unix", "tcp"})
    void a_machine_that_listens_has_every_page_over(String kind) throws Exception {
        String listening = kind.equals("tcp") ? "tcp:127.0.0.1:0" : "unix:" + folder.resolve("m.sock");
        try (RunningMachine destination = destination("--incoming", listening, "--capability", "postcopy-ram")) {
            destination.awaitMigration("setup");
            String uri = kind.equals("tcp") ? "tcp:127.0.0.1:" + port(destination) : listening;
            assertRestored(godwit("restore", "--lazy", file.toString(), "--to", uri), destination);
        }
    }

    private static String port(RunningMachine destination) throws IOException {
        JsonObject address = (JsonObject) destination
                .monitor
                .queryMigrate()
                .all()
                .array("socket-address")
                .orElseThrow()
                .getFirst();
        return address.text("port").orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_restore_that_is_killed_is_resumed_by_another(boolean preempt) throws Exception {
        String[] slowly =
                preempt ? new String[] {"--max-bandwidth", "1M", "--preempt"} : new String[] {"--max-bandwidth", "1M"};
        try (RunningMachine destination = destination("--incoming", "defer")) {
            Process first = restoreInto(destination, slowly);
            destination.awaitMigration("postcopy-active");
            first.destroyForcibly().waitFor();
            destination.awaitMigration("postcopy-paused");
            assertThat(destination.status()).isEqualTo("running");
            String[] resumed = preempt ? new String[] {"--resume", "--preempt"} : new String[] {"--resume"};
            assertRestored(restoreInto(destination, resumed), destination);
        }
    }

    @Test
    void a_machine_of_another_size_refuses_before_the_guest_runs() throws Exception {
        try (RunningMachine destination = RunningMachine.start(
                Files.createTempDirectory(folder, "other"), "destination", "--ram", "16M", "--incoming", "defer")) {
            Process restore = restoreInto(destination);
            assertThat(restore.waitFor(200, TimeUnit.SECONDS)).isTrue();
            assertThat(restore.exitValue()).as(said()).isEqualTo(1);
            assertThat(said()).contains("the guest is still in the snapshot", "GUEST_AT_SOURCE");
            assertThat(destination.status()).isEqualTo("inmigrate");
        }
    }
}
