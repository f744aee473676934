package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.qemu.MachineStream;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.testkit.WritingMachine;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A live machine of ours with the memory of a pc goes first, to a stock QEMU: it takes advice, discards and package,
 * and refuses in there the first section that it does not know, by name. It says so before it has run the guest, which
 * goes on at the source.
 */
@Timeout(300)
class PostcopyToQemuTest {

    private static final int MEMORY_MIB = 32;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void qemu_takes_all_up_to_the_devices_and_gives_the_guest_back(boolean preempt) throws Exception {
        RamBlock ram = new RamBlock("pc.ram", (long) MEMORY_MIB << 20);
        Set<MigrationCapability> capabilities = EnumSet.of(MigrationCapability.POSTCOPY_RAM);
        if (preempt) {
            capabilities.add(MigrationCapability.POSTCOPY_PREEMPT);
        }
        try (WritingMachine machine = new WritingMachine("pc-i440fx-10.0", 25, 100_000, ram).filled();
                QemuProcess qemu = QemuLaunch.of(QemuVersion.QEMU_10_0, "pc-i440fx-10.0")
                        .memoryMib(MEMORY_MIB)
                        .incoming("defer")
                        .start()) {
            MigrationUri uri = MigrationUri.parse("unix:" + qemu.folder().resolve("migration"));
            qemu.withMonitor(monitor -> {
                monitor.setMigrationCapabilities(Map.of("postcopy-ram", true, "postcopy-preempt", preempt));
                monitor.migrateIncoming(uri.toString());
                return true;
            });
            MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, event -> {});
            run.cont();
            Precopy precopy = new Precopy(
                    machine,
                    run,
                    () -> connect(machine, uri, capabilities),
                    new PrecopySettings(capabilities, () -> MigrationParameters.DEFAULTS, event -> {}, Clock.SYSTEM));
            precopy.startPostcopy();
            FutureTask<Void> migration = new FutureTask<>(() -> {
                precopy.run();
                return null;
            });
            Thread.ofPlatform().name("precopy").start(migration);

            assertThatThrownBy(() -> migration.get(60, TimeUnit.SECONDS))
                    .as(() -> precopy.report() + qemu.errors())
                    .cause()
                    .hasMessageContaining("failed (SHUT 1) before it let the guest run")
                    .isInstanceOfSatisfying(
                            MigrationException.class,
                            e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE));
            assertThat(qemu.errors())
                    .contains("Unknown savevm section or instance 'godwit/vmdescription' 0")
                    .doesNotContain("discard");
            assertThat(precopy.report().status()).isEqualTo(MigrationStatus.FAILED);
            assertThat(machine.isRunning()).isTrue();
        }
    }

    private static MachineStream connect(
            WritingMachine machine, MigrationUri uri, Set<MigrationCapability> capabilities) throws IOException {
        MigrationChannel main = uri.connect(PATIENCE);
        MachineStream stream = new MachineStream(machine, main, capabilities, () -> MigrationParameters.DEFAULTS)
                .returnPath(main, main::shutdownOutput);
        return capabilities.contains(MigrationCapability.POSTCOPY_PREEMPT)
                ? stream.preempt(() -> uri.connect(PATIENCE))
                : stream;
    }
}
