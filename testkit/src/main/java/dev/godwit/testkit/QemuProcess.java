package dev.godwit.testkit;

import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A stock QEMU that runs a guest under its software emulator, with a QMP socket and a serial console; see
 * {@link QemuLaunch}. Closing it kills it and removes its temporary folder.
 */
public final class QemuProcess implements AutoCloseable {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(30);

    private final Process process;
    private final Path folder;
    private final Console console;

    private QemuProcess(Process process, Path folder) {
        this.process = process;
        this.folder = folder;
        this.console = new Console(process.getInputStream());
    }

    /**
     * Starts a program with its arguments and waits until its QMP socket listens.
     *
     * @param command the command without the QMP socket, which is added
     * @throws IOException if it ends at once; with what it wrote to its standard error
     */
    static QemuProcess start(List<String> command) throws IOException {
        Path folder = Files.createTempDirectory("godwit-qemu");
        List<String> all = Stream.concat(
                        command.stream(),
                        Stream.of(
                                "-qmp", "unix:" + folder.resolve("qmp") + ",server=on,wait=off",
                                "-qmp", "unix:" + folder.resolve("qmp2") + ",server=on,wait=off"))
                .toList();
        Process process = new ProcessBuilder(all)
                .redirectError(folder.resolve("stderr").toFile())
                .start();
        QemuProcess qemu = new QemuProcess(process, folder);
        try {
            qemu.awaitListening();
            return qemu;
        } catch (IOException e) {
            qemu.close();
            throw e;
        }
    }

    /** Tries until QMP answers, which it does when QEMU's main loop runs, an incoming migration's socket included. */
    private void awaitListening() throws IOException {
        for (long deadlineNs = System.nanoTime() + START_TIMEOUT.toNanos(); ; ) {
            try (QmpClient _ = connectQmp()) {
                return;
            } catch (IOException e) {
                if (System.nanoTime() > deadlineNs) {
                    throw new IOException("QEMU did not come up: " + errors(), e);
                }
            }
            try {
                if (process.waitFor(5, TimeUnit.MILLISECONDS)) {
                    throw new IOException("QEMU ended at once with status " + process.exitValue() + ": " + errors());
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while QEMU started", e);
            }
        }
    }

    /** {@return its process id} */
    public long pid() {
        return process.pid();
    }

    /** {@return the socket for the program under test} */
    public QmpAddress qmpAddress() {
        return new QmpAddress.Unix(folder.resolve("qmp"));
    }

    /** Connects a monitor of the test's own, on a second socket; one at a time. */
    public QmpClient connectQmp() throws IOException {
        return QmpClient.connect(new QmpAddress.Unix(folder.resolve("qmp2")));
    }

    /** Does something on a monitor of the test's own, and disconnects it. */
    public <T> T withMonitor(MonitorUse<T> use) throws IOException {
        try (QmpClient client = connectQmp()) {
            return use.apply(new QemuMonitor(client));
        }
    }

    /** A use of a monitor. */
    @FunctionalInterface
    public interface MonitorUse<T> {
        /** Uses it. */
        T apply(QemuMonitor monitor) throws IOException;
    }

    /** {@return a folder that lasts as long as this process: for sockets and files of a test} */
    public Path folder() {
        return folder;
    }

    /** {@return the guest's serial console} */
    public Console console() {
        return console;
    }

    /** {@return what QEMU has written to its standard error} */
    public String errors() {
        try {
            return Files.readString(folder.resolve("stderr")).strip();
        } catch (IOException e) {
            return "(its standard error cannot be read: " + e.getMessage() + ")";
        }
    }

    /** {@return whether it still runs} */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** Waits for it to end; returns its exit status. */
    public int awaitExit(long timeoutMs) throws IOException, InterruptedException {
        if (!process.waitFor(timeoutMs, TimeUnit.MILLISECONDS)) {
            throw new IOException("QEMU still runs after " + timeoutMs + " ms");
        }
        return process.exitValue();
    }

    /** Kills it as {@code kill -9} does; its folder stays until it is closed. */
    public void kill() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        kill();
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted(Comparator.reverseOrder())
                    .forEach(file -> file.toFile().delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
