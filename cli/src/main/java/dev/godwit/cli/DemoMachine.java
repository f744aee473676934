package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.operations.TakeSnapshotResult;
import dev.godwit.operations.machine.DriveMigration;
import dev.godwit.operations.machine.DriveOptions;
import dev.godwit.operations.machine.DriveResult;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** A machine of the demo: {@code godwit run} in a process of its own, controlled over its QMP socket. */
final class DemoMachine implements AutoCloseable {

    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

    private final DemoHost host;
    private final QmpAddress qmp;

    private DemoMachine(DemoHost host, QmpAddress qmp) {
        this.host = host;
        this.qmp = qmp;
    }

    /**
     * Starts one and waits until it can be used.
     *
     * @param kind where it runs
     * @param folder where its socket is to be
     * @param name of the machine
     * @param arguments of {@code godwit run}
     */
    static DemoMachine start(DemoHost.Kind kind, Path folder, String name, List<String> arguments) throws IOException {
        Path socket = folder.resolve(name + ".qmp");
        List<String> all = new ArrayList<>(List.of("run", "--quiet", "--name", name, "--qmp", "unix:" + socket));
        all.addAll(arguments);
        DemoMachine machine = new DemoMachine(DemoHost.start(kind, all), new QmpAddress.Unix(socket));
        machine.awaitReady();
        return machine;
    }

    /** Its first line says that it can be used; what it says later is passed over, so that it never waits for us. */
    private void awaitReady() throws IOException {
        BufferedReader said = host.said();
        String line = said.readLine();
        if (line == null || !line.contains("QMP at ")) {
            host.end();
            throw new IOException("a machine did not start" + (line == null ? "" : ": " + line));
        }
        Thread.ofVirtual().name("demo-machine").start(() -> said.lines().forEach(_ -> {}));
    }

    /** Executes a command of its control socket. */
    JsonObject execute(String command, JsonObject arguments) throws IOException {
        try (QmpClient client = QmpClient.connect(qmp)) {
            return client.execute(command, arguments, LONGEST_WAIT);
        }
    }

    /**
     * Sets a capability, such as multifd, that both sides need.
     *
     * @return why it cannot have it; empty where it has it now
     */
    Optional<String> enable(String capability) throws IOException {
        JsonObject one = JsonObject.of("capability", capability).with("state", true);
        try {
            execute(
                    "migrate-set-capabilities",
                    JsonObject.empty().with("capabilities", new JsonArray(List.<JsonValue>of(one))));
            return Optional.empty();
        } catch (QmpException e) {
            return Optional.of(e.text());
        }
    }

    /** Takes a snapshot of its guest, which runs on. */
    TakeSnapshotResult snapshot(Path file, SnapshotMode mode) throws IOException {
        try (TakeSnapshot snapshot =
                new TakeSnapshot(new TakeSnapshotOptions(file, qmp, mode, AfterSnapshot.RESUME, 0), Progress.NONE)) {
            return snapshot.run();
        }
    }

    /** Migrates its guest; with the capability {@code postcopy-ram} the guest goes before most of its memory. */
    DriveResult migrateTo(String uri, Set<String> capabilities, JsonObject parameters) throws IOException {
        OptionalInt postcopy = capabilities.contains("postcopy-ram") ? OptionalInt.of(0) : OptionalInt.empty();
        try (DriveMigration migration = new DriveMigration(
                new DriveOptions(qmp, uri, capabilities, parameters, postcopy, false), Progress.NONE)) {
            return migration.run();
        }
    }

    /** {@return how many pages it has found right} Fails if one is not what its program says it must be. */
    long verify() throws IOException {
        JsonObject answer = execute("x-godwit-verify", JsonObject.empty());
        if (!answer.truth("sound").orElse(false)) {
            throw new IOException("the machine found its memory wrong: " + answer);
        }
        return answer.wholeNumber("checked-pages").orElse(0);
    }

    /** {@return how many pages its vCPUs have written} */
    long writtenPages() throws IOException {
        return execute("x-godwit-load", JsonObject.empty())
                .wholeNumber("written-pages")
                .orElse(0);
    }

    @Override
    public void close() throws IOException {
        try {
            execute("quit", JsonObject.empty());
        } finally {
            host.end();
        }
    }
}
