package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.LazyRestore;
import dev.godwit.operations.LazyRestoreOptions;
import dev.godwit.operations.LazyRestoreResult;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Guests that run in stock QEMUs before their RAM is there, and check all of it while it comes. */
@Timeout(600)
class LazyRestoreTest {

    @TempDir
    private Path folder = Path.of("");

    static LazyRestoreResult restore(LazyRestoreOptions options) throws IOException {
        try (LazyRestore restore = new LazyRestore(options, Progress.NONE)) {
            return restore.run();
        }
    }

    static LazyRestoreOptions into(QemuProcess destination, Path file) {
        return new LazyRestoreOptions(file, new Destination.Deferred(destination.qmpAddress()));
    }

    /** Takes a snapshot of a guest that ends with it; returns the checksum of its memory. */
    static String snapshot(QemuLaunch launch, Path file) throws Exception {
        try (QemuProcess source = launch.start()) {
            String checksum = Guest.awaitReady(source);
            SnapshotOfQemuTest.take(source, file, SnapshotMode.STOP, AfterSnapshot.RESUME);
            return checksum;
        }
    }

    private static long contentBytes(Path file) throws IOException {
        long pages = 0;
        try (Snapshot snapshot = Snapshot.open(file)) {
            for (int block = 0; block < snapshot.layout().blocks().size(); block++) {
                pages += snapshot.present(block).setPages();
            }
        }
        return pages * 4096;
    }

    /** Every page with content was sent, and none of them twice. */
    private static void assertEachPageWasSentOnce(PostcopyCounters.Totals pages, long contentBytes) {
        assertThat(pages.pushedBytes() + pages.requestedBytes() - 4096 * pages.zeroAnswers())
                .as("%s", pages)
                .isEqualTo(contentBytes);
        assertThat(pages.reconnects())
                .as("pauses, as after a page that came twice")
                .isZero();
        assertThat(pages.requests()).isGreaterThanOrEqualTo(pages.zeroAnswers());
    }

    /** Has a QEMU listen as a user would who gives Godwit the address. */
    private static Destination listening(QemuProcess qemu, String uri, boolean preempt) throws IOException {
        Map<String, Boolean> capabilities = new LinkedHashMap<>();
        capabilities.put("postcopy-ram", true);
        capabilities.put("postcopy-preempt", preempt);
        qemu.withMonitor(monitor -> {
            monitor.setMigrationCapabilities(capabilities);
            monitor.migrateIncoming(uri);
            return true;
        });
        return new Destination.Listening(MigrationUri.parse(uri));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @ParameterizedTest(name = "{0} {1}")
    @CsvSource({"QEMU_10_0, pc", "QEMU_10_0, q35", "QEMU_7_2, pc-i440fx-7.2", "QEMU_7_2, pc-q35-7.2"})
    void a_guest_runs_at_once_whatever_the_order_and_its_memory_is_right_while_it_comes(
            QemuVersion version, String machine) throws Exception {
        QemuLaunch launch = SnapshotOfQemuTest.launch(version, machine);
        Path file = folder.resolve("snapshot");
        String checksum = snapshot(launch, file);
        for (PushPolicy order : PushPolicy.values()) {
            try (QemuProcess destination = launch.incoming("defer").start()) {
                Checks.Settings before = Checks.Settings.of(destination);
                LazyRestoreResult result =
                        restore(into(destination, file).withOrder(order).recording());
                System.out.printf(
                        "%s %s %s: ran after %s, complete after %s, %s%n",
                        version, machine, order, result.untilRun().orElseThrow(), result.total(), result.pages());
                assertThat(result.runState()).contains("running");
                assertThat(result.untilRun().orElseThrow()).isLessThanOrEqualTo(result.total());
                assertEachPageWasSentOnce(result.pages(), contentBytes(file));
                Checks.Settings after = Checks.Settings.of(destination);
                assertThat(after.capabilities()).isEqualTo(before.capabilities());
                assertThat(after.parameters()).isEqualTo(before.parameters());
                Checks.assertGuestGoesOn(destination, checksum);
            }
        }
        assertThat(WorkingSet.pathFor(file)).isNotEmptyFile();
    }

    @ParameterizedTest(name = "{0} {1} {2}, second connection: {3}")
    @CsvSource({
        "QEMU_10_0, pc, tcp, false",
        "QEMU_10_0, q35, unix, true",
        "QEMU_10_0, pc-i440fx-7.2, tcp, true",
        "QEMU_7_2, pc-q35-7.2, tcp, false",
        "QEMU_7_2, pc-i440fx-7.2, unix, true"
    })
    void a_guest_comes_into_a_qemu_that_listens_already(
            QemuVersion version, String machine, String transport, boolean preempt) throws Exception {
        QemuLaunch launch = SnapshotOfQemuTest.launch(version, machine);
        Path file = folder.resolve("snapshot");
        String checksum = snapshot(launch, file);
        String uri = transport.equals("tcp") ? "tcp:127.0.0.1:" + freePort() : "unix:" + folder.resolve("in");
        try (QemuProcess destination = launch.incoming("defer").start()) {
            LazyRestoreOptions options = new LazyRestoreOptions(file, listening(destination, uri, preempt));
            LazyRestoreResult result = restore(preempt ? options.preempting() : options);
            System.out.printf(
                    "%s %s %s: ran after %s, complete after %s, %s%n",
                    version, machine, uri, result.untilRun().orElseThrow(), result.total(), result.pages());
            assertThat(result.runState()).isEmpty();
            assertEachPageWasSentOnce(result.pages(), contentBytes(file));
            Checks.assertGuestGoesOn(destination, checksum);
        }
    }

    @Test
    void what_one_restore_recorded_spares_the_next_nine_of_ten_requests() throws Exception {
        QemuLaunch launch = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "q35");
        Path file = folder.resolve("snapshot");
        String checksum = snapshot(launch, file);
        LazyRestoreResult faultForward = restored(launch, file, checksum, false);
        assertThat(faultForward.order()).isEqualTo(PushPolicy.FAULT_FORWARD);
        LazyRestoreResult recording = restored(launch, file, checksum, true);
        assertThat(recording.recordedPages().orElseThrow())
                .isGreaterThanOrEqualTo(faultForward.pages().requests() / 2);
        for (int run = 0; run < 3; run++) {
            LazyRestoreResult recorded = restored(launch, file, checksum, false);
            assertThat(recorded.order()).isEqualTo(PushPolicy.RECORDED);
            assertThat(recorded.pages().requests())
                    .as("requests in run %d, against %s", run, faultForward.pages())
                    .isLessThanOrEqualTo(faultForward.pages().requests() / 10);
        }
    }

    private static LazyRestoreResult restored(QemuLaunch launch, Path file, String checksum, boolean record)
            throws Exception {
        try (QemuProcess destination = launch.incoming("defer").start()) {
            LazyRestoreOptions options = into(destination, file);
            LazyRestoreResult result = restore(record ? options.recording() : options);
            System.out.printf(
                    "%s, recording: %s, ran after %s, %s, recorded %s%n",
                    result.order(), record, result.untilRun(), result.pages(), result.recordedPages());
            assertEachPageWasSentOnce(result.pages(), contentBytes(file));
            Checks.assertGuestGoesOn(destination, checksum);
            return result;
        }
    }

    /** The push is held to so little that it would last for minutes; the guest goes on as if there were none. */
    @Test
    void a_limit_holds_the_push_and_no_request() throws Exception {
        QemuLaunch launch = SnapshotOfQemuTest.launch(QemuVersion.QEMU_10_0, "pc");
        Path file = folder.resolve("snapshot");
        String checksum = snapshot(launch, file);
        try (QemuProcess destination = launch.incoming("defer").start();
                LazyRestore restore =
                        new LazyRestore(into(destination, file).withMaxBandwidth(64 << 10), Progress.NONE)) {
            CompletableFuture<?> running = CompletableFuture.runAsync(() -> {
                try {
                    restore.run();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            Checks.assertGuestGoesOn(destination, checksum);
            assertThat(running).isNotDone();
            hangUp(restore);
            assertThatThrownBy(running::get).hasMessageContaining("cancelled");
        }
    }

    private static void hangUp(LazyRestore restore) throws IOException {
        restore.close();
    }
}
