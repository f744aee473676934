package dev.godwit.systemtests;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A machine of ours in a process of its own, with its control socket and what it wrote to its standard error. */
final class RunningMachine implements AutoCloseable {

    private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);

    private final Process process;
    private final Path socket;
    private final Path log;
    final QmpClient qmp;
    final QemuMonitor monitor;

    private RunningMachine(Process process, Path socket, Path log, QmpClient qmp) {
        this.process = process;
        this.socket = socket;
        this.log = log;
        this.qmp = qmp;
        this.monitor = new QemuMonitor(qmp);
    }

    /** Starts {@code godwit run --machine workload} with further arguments, and waits until its QMP answers. */
    static RunningMachine start(Path folder, String name, String... arguments) throws IOException {
        return start("workload", folder, name, arguments);
    }

    /** The same with a machine of any kind. */
    static RunningMachine start(String kind, Path folder, String name, String... arguments) throws IOException {
        Path socket = folder.resolve(name + ".qmp");
        Path log = folder.resolve(name + ".log");
        List<String> all = new ArrayList<>(List.of("run", "--machine", kind, "--qmp", socket.toString()));
        all.addAll(List.of(arguments));
        Process process = godwit(log, all);
        try {
            long endNs = System.nanoTime() + LONGEST_WAIT.toNanos();
            while (!Files.exists(socket)) {
                if (process.waitFor(10, TimeUnit.MILLISECONDS)) {
                    throw new IOException("it ended at once: " + Files.readString(log));
                }
                if (System.nanoTime() - endNs > 0) {
                    throw new IOException("its control socket does not appear: " + Files.readString(log));
                }
            }
            return new RunningMachine(process, socket, log, QmpClient.connect(new QmpAddress.Unix(socket)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
            throw new IOException("interrupted", e);
        } catch (IOException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    /** Starts godwit in a process of its own. */
    static Process godwit(Path log, List<String> arguments) throws IOException {
        return godwit(log, List.of(), arguments);
    }

    /**
     * Starts godwit in a process of its own.
     *
     * @param options of the Java machine
     */
    static Process godwit(Path log, List<String> options, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-Xmn16m",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED"));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.godwit.cli.Godwit"));
        command.addAll(arguments);
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    /** {@return the status of sending a signal to a process} */
    static int signal(String name, long pid) throws IOException, InterruptedException {
        return new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + pid)
                .inheritIO()
                .start()
                .waitFor();
    }

    Path socket() {
        return socket;
    }

    String log() throws IOException {
        return Files.readString(log);
    }

    long pid() {
        return process.pid();
    }

    String status() throws IOException {
        return monitor.queryStatus().status();
    }

    /** {@return what the machine found when it compared every page with what it must hold} */
    JsonObject verify() throws IOException {
        return qmp.execute("x-godwit-verify", JsonObject.empty(), LONGEST_WAIT);
    }

    /** Waits until its migration is over, or waits for a command. */
    MigrationStatus awaitMigration(String... statuses) throws IOException, InterruptedException {
        long endNs = System.nanoTime() + LONGEST_WAIT.toNanos();
        while (true) {
            MigrationStatus now = monitor.queryMigrate();
            if (List.of(statuses).contains(now.status())) {
                return now;
            }
            if (System.nanoTime() - endNs > 0) {
                throw new IOException("the migration is " + now.status() + ", and not one of " + List.of(statuses));
            }
            Thread.sleep(5); // the other side's events are not to be had here
        }
    }

    /** Kills it, as a crash would. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** {@return its exit status, once it has ended} */
    int awaitExit() throws IOException, InterruptedException {
        if (!process.waitFor(LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS)) {
            throw new IOException("it does not end: " + log());
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        qmp.close();
        process.destroyForcibly().onExit().join();
    }
}
