package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.Progress;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.qmp.JsonObject;
import dev.godwit.ram.RamBlock;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.MachineSnapshotStream;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.snapshot.StatedFormat;
import dev.godwit.snapshot.Verification;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.testkit.WritingMachine;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A live machine of ours with the memory of a pc is saved to a mapped-ram file while it writes, and a stock QEMU reads
 * it: it takes all of RAM, which is compared, and refuses the first device that it does not know, by name.
 */
@Timeout(300)
class MappedRamToQemuTest {

    private static final int MEMORY_MIB = 32;

    @TempDir
    private Path folder = Path.of("");

    @ParameterizedTest(name = "{0} writers, direct I/O {1}, offset {2}; QEMU with multifd {3}")
    @CsvSource({"1,false,0,false", "3,false,0,true", "2,true,0,true", "2,true,8192,false", "1,false,5000,true"})
    void qemu_takes_the_ram_of_a_file_and_refuses_its_devices_by_name(
            int writers, boolean directIo, long offset, boolean multifd) throws Exception {
        Path file = folder.resolve("guest");
        Files.write(file, new byte[(int) offset]);
        RamBlock ram = new RamBlock("pc.ram", (long) MEMORY_MIB << 20);
        try (WritingMachine machine = new WritingMachine("pc-i440fx-10.0", 31, 100_000, ram).filled();
                QemuProcess qemu = QemuLaunch.of(QemuVersion.QEMU_10_0, "pc-i440fx-10.0")
                        .memoryMib(MEMORY_MIB)
                        .incoming("defer")
                        .start()) {
            MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, event -> {});
            run.cont();
            MigrationParameters parameters = MigrationParameters.DEFAULTS.with(Map.of(
                    MigrationParameter.DOWNTIME_LIMIT, 5L, MigrationParameter.MAX_BANDWIDTH, (long) MEMORY_MIB << 21));
            SnapshotOptions options = new SnapshotOptions(directIo);
            Precopy precopy = new Precopy(
                    machine,
                    run,
                    () -> new MachineSnapshotStream(
                            machine,
                            offset == 0
                                    ? SnapshotWriter.create(file, options)
                                    : SnapshotWriter.inPlace(file, offset, options),
                            writers,
                            Optional.empty(),
                            () -> new CreationFacts(Instant.now(), "test", "", "migrate", "test")),
                    new PrecopySettings(Set.of(), () -> parameters, event -> {}, Clock.SYSTEM));
            precopy.run();
            assertThat(run.status()).isEqualTo(RunStatus.POSTMIGRATE);
            assertThat(precopy.report().ram().orElseThrow().dirtySyncCount()).isGreaterThan(1);
            assertThat(Verification.of(file, offset, StatedFormat.BY_CONTENT, Progress.NONE, 10)
                            .damages())
                    .isEmpty();

            qemu.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("mapped-ram", true, "multifd", multifd));
                if (multifd) {
                    monitor.setMigrationParameters(JsonObject.empty().with("multifd-channels", 3L));
                }
                monitor.client()
                        .execute(
                                "migrate-incoming",
                                JsonObject.of("uri", "file:" + file + (offset == 0 ? "" : ",offset=" + offset))
                                        .with("exit-on-error", false));
                Await.until("its end", () -> !monitor.queryMigrate().isUnderWay());
                return null;
            });
            assertThat(qemu.errors())
                    .contains("Unknown savevm section or instance 'test/vcpu' 0")
                    .doesNotContain("Unknown ramblock");
            assertThat(Checks.pagesThatDiffer(qemu, machine.memory().block(0))).isEmpty();
        }
    }
}
