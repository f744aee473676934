package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.RunState;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The guest boots, checks itself and answers on QMP, on every machine type that the other tests use. */
class GuestTest {

    /** What every guest of this seed and size computes of its fixed memory, whatever it runs on. */
    private static final String CHECKSUM = "a24efd02a105fd79";

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource({
        "QEMU_10_0, pc",
        "QEMU_10_0, q35",
        "QEMU_10_0, microvm",
        "QEMU_10_0, pc-i440fx-7.2",
        "QEMU_7_2, pc-i440fx-7.2",
        "QEMU_7_2, pc-q35-7.2",
        "QEMU_7_2, microvm"
    })
    void the_guest_boots_and_verifies_its_memory(QemuVersion version, String machine) throws Exception {
        try (QemuProcess qemu = QemuLaunch.of(version, machine).start()) {
            assertThat(Guest.awaitReady(qemu)).isEqualTo(CHECKSUM);
            qemu.withMonitor(monitor -> {
                assertThat(monitor.version()).startsWith(version.release());
                assertThat(monitor.queryStatus()).isEqualTo(new RunState(true, "running"));
                assertSettingsComeBack(monitor);
                return true;
            });
            Guest.awaitVerified(qemu);
            assertThat(Guest.lastTick(qemu)).isPositive();
        }
    }

    private static void assertSettingsComeBack(QemuMonitor monitor) throws IOException {
        var capabilities = monitor.migrationCapabilities();
        var parameters = monitor.migrationParameters();
        monitor.setMigrationCapabilities(Map.of("events", true, "background-snapshot", true));
        monitor.setMigrationParameters(parameters.with("max-bandwidth", 123_456_789));
        assertThat(monitor.migrationCapabilities()).isNotEqualTo(capabilities);
        monitor.restoreMigrationCapabilities(capabilities);
        monitor.restoreMigrationParameters(parameters);
        assertThat(monitor.migrationCapabilities()).isEqualTo(capabilities);
        assertThat(monitor.migrationParameters()).isEqualTo(parameters);
    }
}
