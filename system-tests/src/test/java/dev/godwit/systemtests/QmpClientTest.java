package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.godwit.qmp.EventQueue;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpEvent;
import dev.godwit.qmp.QmpException;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuLaunch;
import dev.godwit.testkit.QemuProcess;
import dev.godwit.testkit.QemuVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The QMP client against real QEMUs. */
class QmpClientTest {

    private static final Duration SOON = Duration.ofSeconds(30);

    @ParameterizedTest
    @EnumSource(QemuVersion.class)
    void a_guest_is_stopped_saved_and_resumed(QemuVersion version) throws Exception {
        try (QemuProcess qemu = QemuLaunch.of(version, "q35").start();
                QmpClient client = QmpClient.connect(qemu.qmpAddress());
                EventQueue events = client.events()) {
            Guest.awaitReady(qemu);
            QemuMonitor monitor = new QemuMonitor(client);
            assertThat(client.isOutOfBandEnabled()).isTrue();
            List<String> names = new CopyOnWriteArrayList<>();
            AutoCloseable subscription = client.subscribe(event -> names.add(event.name()));

            monitor.stop();
            QmpEvent stopped = events.await(SOON, "STOP");
            assertThat(stopped.timestampUs() / 1_000_000).isCloseTo(System.currentTimeMillis() / 1000, within(60L));
            monitor.setMigrationCapabilities(Map.of("events", true));
            Path file = qemu.folder().resolve("saved");
            monitor.migrate("exec:cat > " + file);
            events.await(
                    SOON,
                    "a completed migration",
                    event -> event.data().text("status").equals(Optional.of("completed")));
            MigrationStatus status = monitor.queryMigrate();
            assertThat(status.isCompleted()).isTrue();
            assertThat(status.ramTotalBytes().orElseThrow()).isGreaterThan(256 << 20);
            assertThat(Files.size(file)).isGreaterThan(40 << 20);
            monitor.cont();
            events.await(SOON, "RESUME");
            Guest.awaitVerified(qemu);
            assertThat(names).containsSubsequence("STOP", "MIGRATION", "RESUME");
            subscription.close();
        }
    }

    @ParameterizedTest
    @EnumSource(QemuVersion.class)
    void refusals_are_told_in_the_words_of_qemu(QemuVersion version) throws Exception {
        try (QemuProcess qemu = QemuLaunch.of(version, "pc").with("-S").start();
                QmpClient client = QmpClient.connect(qemu.qmpAddress())) {
            assertThatThrownBy(() -> client.execute("no-such-command"))
                    .isInstanceOf(QmpException.class)
                    .hasMessageContaining("no-such-command")
                    .extracting(e -> ((QmpException) e).errorClass())
                    .isEqualTo("CommandNotFound");
            assertThatThrownBy(() -> client.execute("migrate", JsonObject.of("uri", "nowhere:")))
                    .isInstanceOf(QmpException.class);
            assertThatThrownBy(() -> client.executeOutOfBand("query-status", JsonObject.empty(), SOON))
                    .as("a command that QEMU takes in band only, so its refusal shows how it was asked")
                    .isInstanceOf(QmpException.class)
                    .hasMessageContaining("OOB");
        }
    }

    @ParameterizedTest
    @EnumSource(QemuVersion.class)
    void the_end_of_qemu_ends_every_wait(QemuVersion version) throws Exception {
        try (QemuProcess qemu = QemuLaunch.of(version, "pc").with("-S").start();
                QmpClient client = QmpClient.connect(qemu.qmpAddress());
                EventQueue events = client.events()) {
            CompletableFuture<QmpEvent> waiter = CompletableFuture.supplyAsync(() -> {
                try {
                    return events.await(SOON, "STOP");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            qemu.kill();
            assertThatThrownBy(() -> waiter.get(20, TimeUnit.SECONDS))
                    .isInstanceOf(ExecutionException.class)
                    .hasMessageContaining("was lost");
            assertThatThrownBy(() -> client.execute("query-status"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("was lost");
        }
    }
}
