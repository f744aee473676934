package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.Receive;
import dev.godwit.operations.ReceiveOptions;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A stock QEMU that gives its guest up in postcopy, into a file: it comes back from there. */
@Timeout(300)
class PostcopyFromQemuTest {

    private static final int MEMORY_MIB = 128;
    private static final QemuLaunch LAUNCH = QemuLaunch.of(QemuVersion.QEMU_10_0, "pc-i440fx-10.0")
            .memoryMib(MEMORY_MIB)
            .guest(new Guest(16, 4, 500, 1));

    @TempDir
    private Path folder = Path.of("");

    private static void migrate(QemuMonitor monitor, String uri, long bytesPerSecond, long postcopyBytesPerSecond)
            throws IOException {
        monitor.setMigrationCapabilities(Map.of("postcopy-ram", true, "return-path", true));
        monitor.setMigrationParameters(JsonObject.empty()
                .with("max-bandwidth", bytesPerSecond)
                .with("max-postcopy-bandwidth", postcopyBytesPerSecond)
                .with("downtime-limit", 1L));
        monitor.migrate(uri);
    }

    private static void startPostcopy(QemuMonitor monitor) throws IOException {
        Await.until("pages", () -> monitor.queryMigrate().status().equals("active"));
        monitor.client().execute("migrate-start-postcopy", JsonObject.empty());
    }

    private Receive receive(Path file, CompletableFuture<MigrationUri> listening) {
        return new Receive(
                new ReceiveOptions(file, new MigrationUri.Tcp("127.0.0.1", 0), 0, MultifdMethod.NONE, false),
                Progress.NONE,
                listening::complete);
    }

    @ParameterizedTest(name = "precopy at {0} bytes a second first")
    @ValueSource(longs = {1L << 40, 8L << 20})
    void a_guest_that_was_given_up_in_postcopy_comes_back_from_the_file(long bytesPerSecond) throws Exception {
        Path file = folder.resolve("snapshot");
        CompletableFuture<MigrationUri> listening = new CompletableFuture<>();
        try (QemuProcess source = LAUNCH.start();
                Receive receive = receive(file, listening)) {
            String checksum = Guest.awaitReady(source);
            CompletableFuture<Boolean> told = new CompletableFuture<>();
            Thread.ofVirtual().start(() -> {
                try {
                    told.complete(receive.run().sourceTold());
                } catch (MigrationException | RuntimeException e) {
                    told.completeExceptionally(e);
                }
            });
            String uri = listening.get().toString();
            source.withMonitor(monitor -> {
                migrate(monitor, uri, bytesPerSecond, 0);
                startPostcopy(monitor);
                return true;
            });
            assertThat(told.get()).isTrue();
            assertThat(Checks.awaitEnd(source)).isEqualTo("completed");
            Checks.assertWhole(file);
            Checks.assertAllRamIsThatOf(source, file, MEMORY_MIB);
            try (QemuProcess destination = LAUNCH.incoming("defer").start()) {
                Checks.restore(file, new Destination.Deferred(destination.qmpAddress()));
                Checks.assertGuestGoesOn(destination, checksum);
            }
        }
    }

    @Test
    void a_postcopy_that_is_broken_off_leaves_what_came_and_a_source_that_waits() throws Exception {
        Path file = folder.resolve("snapshot");
        CompletableFuture<MigrationUri> listening = new CompletableFuture<>();
        CompletableFuture<MigrationException> failure = new CompletableFuture<>();
        Receive receive = receive(file, listening);
        try (QemuProcess source = LAUNCH.start()) {
            Guest.awaitReady(source);
            Thread.ofVirtual().start(() -> {
                try {
                    receive.run();
                } catch (MigrationException e) {
                    failure.complete(e);
                }
            });
            String uri = listening.get().toString();
            source.withMonitor(monitor -> {
                migrate(monitor, uri, 8L << 20, 1L << 20);
                startPostcopy(monitor);
                return true;
            });
            Await.until(
                    "what is made when the devices have come",
                    () -> Files.exists(folder.resolve("snapshot.incomplete")));
            receive.close();
            assertThat(failure.get().guestLocation()).isEqualTo(GuestLocation.GUEST_LOST);
            assertThat(failure.get()).hasMessageContaining("snapshot.incomplete");
            assertThat(Files.size(folder.resolve("snapshot.incomplete"))).isPositive();
            assertThat(file).doesNotExist();
            source.withMonitor(monitor -> {
                Await.until("its pause", () -> monitor.queryMigrate().status().equals("postcopy-paused"));
                return true;
            });
        }
    }
}
