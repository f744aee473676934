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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Background snapshots of a machine of ours by processes that are killed at any moment. */
class OurMachineSnapshotTest {

    private static final String[] MACHINE = {"--ram", "64M", "--vcpus", "2"};

    @TempDir
    private Path folder;

    @BeforeEach
    void assumePossible() {
        Optional<String> missing = UserfaultfdWriteTracking.missing(false);
        assumeTrue(missing.isEmpty(), () -> "no background snapshots here: " + missing.orElse(""));
    }

    private static void assertWhole(Path file) throws Exception {
        assertThat(Verification.of(file, Progress.NONE).damages()).isEmpty();
    }

    @Test
    void a_receiver_that_is_killed_leaves_the_guest_running_and_no_half_file() throws Exception {
        Random random = new Random(1);
        Path file = folder.resolve("machine.gw");
        try (RunningMachine machine = RunningMachine.start(folder, "machine", MACHINE)) {
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
                assertThat(machine.status()).isEqualTo("running");
                assertThat(machine.verify().truth("sound")).contains(true);
                if (ended || Files.exists(file)) {
                    assertWhole(file);
                    Files.delete(file);
                }
            }
        }
    }

    @Test
    void a_machine_that_is_killed_while_it_writes_its_own_file_leaves_what_was_there() throws Exception {
        Random random = new Random(2);
        Path file = folder.resolve("own.gw");
        Files.writeString(file, "an earlier snapshot");
        for (int round = 0; round < 4; round++) {
            try (RunningMachine machine = RunningMachine.start(folder, "machine" + round, MACHINE);
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
