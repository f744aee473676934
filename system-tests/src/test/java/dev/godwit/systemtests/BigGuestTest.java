package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.snapshot.Snapshot;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest with memory above the hole below 4 GiB, received by a program with little memory of its own. */
class BigGuestTest {

    private static final int MEMORY_MIB = 5120;
    private static final long FOUR_GIB = 1L << 32;
    private static final long LOW_BYTES = 3L << 30;
    private static final long HIGH_BYTES = ((long) MEMORY_MIB << 20) - LOW_BYTES;
    private static final long PROBE_BYTES = 8L << 20;

    @TempDir
    private Path folder = Path.of("");

    @Test
    void a_guest_of_5_gib_is_received_in_a_heap_of_64_mib_and_its_memory_is_in_its_place() throws Exception {
        Path file = folder.resolve("snapshot");
        Path socket = folder.resolve("in");
        Path log = folder.resolve("log");
        try (QemuProcess source = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc")
                .memoryMib(MEMORY_MIB)
                .start()) {
            Guest.awaitReady(source);
            Process godwit = receive(file, socket, log);
            try {
                awaitSocket(socket, godwit, log);
                source.withMonitor(monitor -> {
                    monitor.setMigrationParameters(monitor.migrationParameters().with("max-bandwidth", 1L << 40));
                    monitor.migrate("unix:" + socket);
                    return true;
                });
                assertThat(godwit.waitFor(120, TimeUnit.SECONDS)).isTrue();
                assertThat(godwit.exitValue()).as(Files.readString(log)).isZero();
            } finally {
                godwit.destroyForcibly();
            }
            Checks.assertWhole(file);
            Checks.assertRamIsThatOf(source, file, 0x100000, 10 * PROBE_BYTES);
            Checks.assertRamIsThatOf(source, file, LOW_BYTES - PROBE_BYTES, PROBE_BYTES);
            Checks.assertRamIsThatOf(source, file, FOUR_GIB, PROBE_BYTES);
            Checks.assertRamIsThatOf(source, file, FOUR_GIB + HIGH_BYTES - 10 * PROBE_BYTES, 10 * PROBE_BYTES);
        }
        try (Snapshot snapshot = Snapshot.open(file)) {
            assertThat(snapshot.layout().totalBytes()).isGreaterThan((long) MEMORY_MIB << 20);
            assertThat(snapshot.allocatedBytes()).isLessThan(512L << 20);
        }
    }

    private static Process receive(Path file, Path socket, Path log) throws Exception {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.godwit.cli.Godwit",
                        "receive",
                        file.toString(),
                        "--listen=unix:" + socket)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    /** The program says where it listens when it does. */
    private static void awaitSocket(Path socket, Process godwit, Path log) throws Exception {
        Await.until("its socket", () -> {
            assertThat(godwit.isAlive()).as(Files.readString(log)).isTrue();
            return Files.exists(socket);
        });
    }
}
