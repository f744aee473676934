package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.Progress;
import dev.godwit.host.UserfaultfdWriteTracking;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.snapshot.Verification;
import dev.godwit.testkit.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Background snapshots of a machine of ours by processes that are killed at any moment. */
class OurMachineSnapshotTest {

    private static final String[] MACHINE = {"--ram", "64M", "--vcpus", "2"};

    /** Built and described there; see its README. */
    private static final Path MEMORY_GUEST = Path.of("..", "kvm", "src", "test", "resources", "memory-guest.bin");

    @TempDir
    private Path folder;

    @BeforeEach
    void assumePossible() {
        Optional<String> missing = UserfaultfdWriteTracking.missing(false);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots here: " + missing.orElse(""));
    }

    /** Of any kind; for a real guest a small one, which compares its memory and says so on the serial port. */
    private RunningMachine machine(String kind, String name) throws Exception {
        if (kind.equals("workload")) {
            return RunningMachine.start(folder, name, MACHINE);
        }
        Path kvm = Path.of("/dev/kvm");
        assumeTrue(Files.isReadable(kvm) && Files.isWritable(kvm), "skipped: this user cannot open /dev/kvm");
        Optional<String> missing = UserfaultfdWriteTracking.missing(true);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots of KVM guests here: " + missing.orElse(""));
        return RunningMachine.start(
                kind,
                folder,
                name,
                "--ram",
                "8M",
                "--vcpus",
                "2",
                "--flat",
                MEMORY_GUEST.toString(),
                "--append",
                "pages=64 report=4 seed=6",
                "--serial",
                serial(name).toString());
    }

    private Path serial(String name) {
        return folder.resolve(name + ".serial");
    }

    /** All memory of the guest is found right from now on, and it runs. */
    private void assertSound(String kind, RunningMachine machine, String name) throws Exception {
        assertThat(machine.status()).isEqualTo("running");
        if (kind.equals("workload")) {
            assertThat(machine.verify().truth("sound")).contains(true);
            return;
        }
        long[] before = {reports(name, 0), reports(name, 1)};
        Await.<Exception>until(
                "reports of both vCPUs", () -> reports(name, 0) > before[0] && reports(name, 1) > before[1]);
    }

    private long reports(String name, int vcpu) throws IOException {
        List<String> lines = Files.exists(serial(name)) ? Files.readAllLines(serial(name)) : List.of();
        assertThat(lines).noneMatch(line -> line.startsWith("ERROR"));
        return lines.stream().filter(line -> line.startsWith("OK vcpu " + vcpu)).count();
    }

    private static void assertWhole(Path file) throws Exception {
        assertThat(Verification.of(file, Progress.NONE).damages()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"workload", "kvm"})
    void a_receiver_that_is_killed_leaves_the_guest_running_and_no_half_file(String kind) throws Exception {
        Random random = new Random(1);
        Path file = folder.resolve("machine.gw");
        try (RunningMachine machine = machine(kind, "machine")) {
            for (int round = 0; round < 6; round++) {
                Process taking = RunningMachine.godwit(
                        folder.resolve("snapshot.log"),
                        List.of(
                                "snapshot",
                                file.toString(),
                                "--qmp",
                                machine.socket().toString()));
                boolean ended = taking.waitFor(300 + random.nextInt(700), TimeUnit.MILLISECONDS);
                taking.destroyForcibly().waitFor();
                machine.awaitMigration("none", "completed", "failed", "cancelled");
                assertSound(kind, machine, "machine");
                if (ended || Files.exists(file)) {
                    assertWhole(file);
                    Files.delete(file);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"workload", "kvm"})
    void a_machine_that_is_killed_while_it_writes_its_own_file_leaves_what_was_there(String kind) throws Exception {
        Random random = new Random(2);
        Path file = folder.resolve("own.gw");
        Files.writeString(file, "an earlier snapshot");
        for (int round = 0; round < 4; round++) {
            try (RunningMachine machine = machine(kind, "machine" + round);
                    QmpClient qmp = QmpClient.connect(new QmpAddress.Unix(machine.socket()))) {
                qmp.execute("migrate-set-capabilities", (JsonObject) JsonValue.parse("""
                                {"capabilities":[{"capability":"background-snapshot","state":true},
                                {"capability":"mapped-ram","state":true}]}"""), Duration.ofMinutes(1));
                qmp.execute("migrate", JsonObject.of("uri", "file:" + file), Duration.ofMinutes(1));
                Thread.sleep(random.nextInt(150)); // any moment will do
                machine.kill();
            }
            if (Files.size(file) == "an earlier snapshot".length()) {
                assertThat(file).hasContent("an earlier snapshot");
            } else {
                assertWhole(file);
            }
        }
    }
}
