package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.qemu.MachineStream;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdSender;
import dev.godwit.qmp.JsonObject;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.testkit.WritingMachine;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A live machine of ours with the memory of a pc is sent to a stock QEMU: it takes all of RAM, which is compared, and
 * refuses the first device that it does not know, by name; the guest goes on at the source.
 */
@Timeout(300)
class PrecopyToQemuTest {

    private static final int MEMORY_MIB = 32;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @ParameterizedTest
    @CsvSource({"false,", "true,", "false,none", "false,zlib", "false,zstd"})
    void qemu_takes_the_ram_of_a_running_machine_and_refuses_its_devices_by_name(boolean xbzrle, String multifd)
            throws Exception {
        RamBlock ram = new RamBlock("pc.ram", (long) MEMORY_MIB << 20);
        try (WritingMachine machine = new WritingMachine("pc-i440fx-10.0", 25, 100_000, ram).filled();
                QemuProcess qemu = QemuLaunch.of(QemuVersion.QEMU_10_0, "pc-i440fx-10.0")
                        .memoryMib(MEMORY_MIB)
                        .incoming("defer")
                        .start()) {
            Set<MigrationCapability> capabilities = EnumSet.of(MigrationCapability.RETURN_PATH);
            if (xbzrle) {
                capabilities.add(MigrationCapability.XBZRLE);
            }
            MigrationUri uri = MigrationUri.parse("unix:" + qemu.folder().resolve("migration"));
            listen(qemu, uri, multifd);
            MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, event -> {});
            run.cont();
            machine.failToResume(); // so that memory stays as it was sent
            MigrationParameters parameters = MigrationParameters.DEFAULTS.with(Map.of(
                    MigrationParameter.DOWNTIME_LIMIT, 5L, MigrationParameter.MAX_BANDWIDTH, (long) MEMORY_MIB << 21));
            Precopy precopy = new Precopy(
                    machine,
                    run,
                    () -> connect(machine, uri, capabilities, parameters, multifd),
                    new PrecopySettings(capabilities, () -> parameters, event -> {}, Clock.SYSTEM));

            assertThatThrownBy(precopy::run)
                    .as(() -> qemu.errors())
                    .isInstanceOfSatisfying(
                            MigrationException.class,
                            e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE))
                    .hasMessageContaining("the guest is paused, because it could not be resumed");

            assertThat(run.status()).isEqualTo(RunStatus.PAUSED);
            awaitFailure(qemu);
            assertThat(qemu.errors())
                    .contains("Unknown savevm section or instance 'test/vcpu' 0")
                    .doesNotContain("Unknown ramblock");
            assertThat(precopy.report().errorDescription()).isPresent();
            assertThat(Checks.pagesThatDiffer(qemu, machine.memory().block(0))).isEmpty();
        }
    }

    private static void listen(QemuProcess qemu, MigrationUri uri, String multifd) throws IOException {
        qemu.withMonitor(monitor -> {
            if (multifd != null) {
                monitor.setMigrationCapabilities(Map.of("multifd", true));
                monitor.client()
                        .execute(
                                "migrate-set-parameters",
                                JsonObject.of("multifd-compression", multifd).with("multifd-channels", 2));
            }
            return monitor.client()
                    .execute(
                            "migrate-incoming",
                            JsonObject.of("uri", uri.toString()).with("exit-on-error", false));
        });
    }

    private static MachineStream connect(
            WritingMachine machine,
            MigrationUri uri,
            Set<MigrationCapability> capabilities,
            MigrationParameters parameters,
            String multifd)
            throws IOException {
        MigrationChannel channel = uri.connect(PATIENCE);
        MachineStream stream = new MachineStream(machine, channel, capabilities, () -> parameters)
                .returnPath(channel, channel::shutdownOutput);
        if (multifd != null) {
            List<MigrationChannel> channels = new ArrayList<>(List.of(uri.connect(PATIENCE), uri.connect(PATIENCE)));
            stream.route(new MultifdSender(
                    new MultifdSender.Settings(
                            MultifdMethod.valueOf(multifd.toUpperCase(Locale.ROOT)), 1, true, new UUID(0, 0)),
                    channels,
                    machine.memory(),
                    stream::routeFailed));
        }
        return stream;
    }

    private static void awaitFailure(QemuProcess qemu) throws IOException {
        qemu.withMonitor(monitor -> {
            Await.until("the failure", () -> !monitor.queryMigrate().isUnderWay());
            return null;
        });
    }
}
