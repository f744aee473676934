package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.testkit.Await;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What ends a restore before a QEMU has anything to say; with real QEMUs it is tested in the system tests. */
@Timeout(60)
class RestoreTest {

    @TempDir
    private Path folder = Path.of("");

    private Path stream = Path.of("");
    private final AtomicReference<@Nullable Restore> running = new AtomicReference<>();

    @BeforeEach
    void a_classic_stream() throws Exception {
        stream = Files.write(folder.resolve("stream"), CapturedSource.capture("precopy-pc.mig"));
    }

    private void close() {
        Restore restore = running.get();
        if (restore == null) {
            throw new AssertionError("nothing runs");
        }
        try {
            restore.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Closes in a phase: at its start, or with its first bytes. */
    private Progress closing(String phase, boolean atStart) {
        return new Progress() {
            private boolean now;

            @Override
            public void phase(String name, long totalBytes) {
                now = name.equals(phase);
                if (now && atStart) {
                    close();
                }
            }

            @Override
            public void advance(long bytes) {
                if (now && !atStart) {
                    close();
                }
            }
        };
    }

    private void assertCancelled(Progress progress, Path socket) throws IOException {
        try (Restore restore = new Restore(
                new RestoreOptions(stream, new Destination.Listening(new MigrationUri.Unix(socket)), 0), progress)) {
            running.set(restore);
            MigrationException e = catchThrowableOfType(MigrationException.class, restore::run);
            assertThat(e).hasMessageContaining("cancelled").hasMessageContaining("still in the snapshot");
            assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files).isSubsetOf(stream, socket);
        }
    }

    @Test
    void closing_while_a_classic_stream_is_laid_out_ends_it_before_any_destination_is_asked() throws Exception {
        assertCancelled(closing("receiving RAM", false), folder.resolve("nobody"));
    }

    @Test
    void closing_before_it_connects_leaves_the_destination_alone() throws Exception {
        Path socket = folder.resolve("destination");
        try (ServerSocketChannel destination = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            destination.bind(UnixDomainSocketAddress.of(socket)).configureBlocking(false);
            try (Restore restore = new Restore(
                    new RestoreOptions(stream, new Destination.Listening(new MigrationUri.Unix(socket)), 0),
                    Progress.NONE)) {
                running.set(restore);
                close();
                assertThatThrownBy(restore::run)
                        .isInstanceOf(MigrationException.class)
                        .hasMessageContaining("cancelled");
            }
            assertThat(destination.accept()).isNull();
        }
    }

    @Test
    void closing_while_a_destination_takes_nothing_ends_the_sending() throws Exception {
        Path socket = folder.resolve("destination");
        try (ServerSocketChannel destination = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            destination.bind(UnixDomainSocketAddress.of(socket)); // connected by the kernel, and never read
            Progress later = new Progress() {
                @Override
                public void phase(String name, long totalBytes) {
                    if (name.equals("sending RAM")) {
                        Thread sender = Thread.currentThread();
                        Thread.ofPlatform().start(() -> {
                            Await.until(
                                    "a sender that waits",
                                    () -> sender.getState() != Thread.State.RUNNABLE || isInWrite(sender));
                            close();
                        });
                    }
                }

                @Override
                public void advance(long bytes) {}
            };
            assertCancelled(later, socket);
        }
    }

    private static boolean isInWrite(Thread thread) {
        for (StackTraceElement element : thread.getStackTrace()) {
            if (element.getMethodName().equals("write")
                    && element.getClassName().contains("SocketChannel")) {
                return true;
            }
        }
        return false;
    }
}
