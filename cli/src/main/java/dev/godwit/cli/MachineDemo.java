package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreResult;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshotResult;
import dev.godwit.operations.machine.DriveResult;
import dev.godwit.qmp.JsonObject;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.transport.ByteSize;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The story of a machine of Godwit's own, which knows what every page of its memory must hold: it moves from process to
 * process while it writes, is kept in a file while it runs, and a copy goes on from there.
 */
final class MachineDemo {

    private final CommonOptions common;
    private final DemoStory story;
    private final long ramBytes;
    private final DemoHost.Kind host;
    private final List<Step> steps = new ArrayList<>();

    /**
     * A story.
     *
     * @param ramBytes of the machine
     * @param host where its processes run
     */
    MachineDemo(CommonOptions common, DemoStory story, long ramBytes, DemoHost.Kind host) {
        this.common = common;
        this.story = story;
        this.ramBytes = ramBytes;
        this.host = host;
    }

    /**
     * A line of the table.
     *
     * @param pause how long the guest stood still, where that is known
     * @param checkedPages that were found right afterwards
     */
    private record Step(String name, Duration total, Optional<Duration> pause, long sentBytes, long checkedPages) {}

    void run() throws Exception {
        Path folder = Files.createTempDirectory("godwit-demo-");
        try {
            Path file = folder.resolve("guest.godwit");
            tell(folder, file);
            table(file);
        } finally {
            DemoStory.remove(folder);
        }
    }

    private void tell(Path folder, Path file) throws Exception {
        try (DemoMachine first = DemoMachine.start(host, folder, "first", machine())) {
            story.say("a machine with " + ByteSize.format(ramBytes)
                    + " of RAM runs in a process of its own; its two vCPUs"
                    + " write 20000 pages a second, and it knows what each page must hold");
            String at = "unix:" + folder.resolve("second.migration");
            try (DemoMachine second = DemoMachine.start(host, folder, "second", incoming(at))) {
                move(first, second, "live migration", at, Set.of("return-path"), JsonObject.empty());
                moveAgain(folder, file, second);
            }
        }
        restore(folder, file);
    }

    /** The guest goes first and its memory follows; where this host has no userfaultfd, as before, but compressed. */
    private void moveAgain(Path folder, Path file, DemoMachine second) throws Exception {
        String at = "unix:" + folder.resolve("third.migration");
        try (DemoMachine third = DemoMachine.start(host, folder, "third", incoming("defer"))) {
            Optional<String> refusal = third.enable("postcopy-ram");
            if (refusal.isPresent()) {
                story.say("no postcopy on this host: " + refusal.get());
                third.enable("multifd");
                third.execute("migrate-set-parameters", compressed());
            } else {
                third.enable("postcopy-preempt");
            }
            third.execute("migrate-incoming", JsonObject.of("uri", at));
            if (refusal.isPresent()) {
                move(second, third, "again, multifd and zstd", at, Set.of("return-path", "multifd"), compressed());
            } else {
                move(
                        second,
                        third,
                        "again, by postcopy",
                        at,
                        Set.of("return-path", "postcopy-ram", "postcopy-preempt"),
                        JsonObject.empty());
            }
            keep(third, file, refusal.isEmpty() ? SnapshotMode.BACKGROUND : SnapshotMode.LIVE);
        }
    }

    private List<String> machine() {
        return List.of(
                "--machine",
                "workload",
                "--ram",
                Long.toString(ramBytes),
                "--vcpus",
                "2",
                "--zero-pages",
                "25",
                "--rate",
                "20000");
    }

    private static JsonObject compressed() {
        return JsonObject.of("multifd-compression", "zstd").with("multifd-channels", 2);
    }

    private List<String> incoming(String from) {
        List<String> arguments = new ArrayList<>(machine());
        arguments.addAll(List.of("--incoming", from));
        return arguments;
    }

    private void move(
            DemoMachine from, DemoMachine to, String name, String uri, Set<String> capabilities, JsonObject parameters)
            throws IOException {
        long written = from.writtenPages();
        DriveResult moved = from.migrateTo(uri, capabilities, parameters.with("max-bandwidth", 0));
        long checked = to.verify();
        if (to.writtenPages() < written) {
            throw new IOException("the machine at the destination has done less than it had done before it moved");
        }
        Step step = step(name, moved, checked);
        steps.add(step);
        story.say(name + ", to another process in " + Durations.text(step.total()) + "; the guest stood still for "
                + step.pause().map(Durations::text).orElse("an unknown time")
                + ", went on, and has found its memory right");
    }

    private static Step step(String name, DriveResult moved, long checkedPages) {
        JsonObject all = moved.last().all();
        long sentBytes = all.object("ram")
                .flatMap(ram -> ram.wholeNumber("transferred").stream().boxed().findFirst())
                .orElse(0L);
        Optional<Duration> pause = all.wholeNumber("downtime").stream()
                .mapToObj(Duration::ofMillis)
                .findFirst();
        return new Step(name, moved.total(), pause, sentBytes, checkedPages);
    }

    /** The guest runs on, and is in a file as it was at one instant. */
    private void keep(DemoMachine machine, Path file, SnapshotMode mode) throws Exception {
        TakeSnapshotResult taken = machine.snapshot(file, mode);
        long checked = machine.verify();
        story.say("kept in a file while it runs, in " + Durations.text(taken.total()) + "; the guest stood still for "
                + taken.guestPause().map(Durations::text).orElse("an unknown time")
                + ", and has found its memory right");
        steps.add(new Step(
                mode.optionName() + " snapshot", taken.total(), taken.guestPause(), onDiskBytes(file), checked));
        story.verify(file);
        story.damageIsFound(file);
    }

    private void restore(Path folder, Path file) throws Exception {
        MigrationUri at = MigrationUri.parse("unix:" + folder.resolve("fourth.migration"));
        try (DemoMachine fourth = DemoMachine.start(host, folder, "fourth", incoming(at.toString()))) {
            RestoreResult result;
            try (Restore restore = new Restore(
                    new RestoreOptions(file, new RestoreOptions.Destination.Listening(at), 0), Progress.NONE)) {
                result = restore.run();
            }
            long checked = fourth.verify();
            steps.add(new Step("restored from the file", result.total(), Optional.empty(), result.ramBytes(), checked));
            story.say("restored into a new process in " + Durations.text(result.total())
                    + "; the guest went on from the instant of the snapshot, and has found its memory right");
        }
    }

    private static long onDiskBytes(Path file) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file)) {
            return snapshot.allocatedBytes();
        }
    }

    private void table(Path file) throws IOException {
        PrintWriter out = common.out();
        long onDiskBytes = onDiskBytes(file);
        if (common.json) {
            JsonOutput.print(out, json -> {
                json.writeNumberProperty("ramBytes", ramBytes);
                json.writeNumberProperty("snapshotOnDiskBytes", onDiskBytes);
                json.writeArrayPropertyStart("steps");
                for (Step step : steps) {
                    json.writeStartObject();
                    json.writeStringProperty("name", step.name());
                    json.writeNumberProperty("totalMs", step.total().toMillis());
                    step.pause().ifPresent(pause -> json.writeNumberProperty("downtimeMs", pause.toMillis()));
                    json.writeNumberProperty("sentBytes", step.sentBytes());
                    json.writeNumberProperty("checkedPages", step.checkedPages());
                    json.writeEndObject();
                }
                json.writeEndArray();
            });
            return;
        }
        out.println();
        TextTable table = new TextTable("", "took", "guest stood still", "sent", "pages right");
        for (Step step : steps) {
            table.row(
                    step.name(),
                    Durations.text(step.total()),
                    step.pause().map(Durations::text).orElse("-"),
                    ByteSize.format(step.sentBytes()),
                    Long.toString(step.checkedPages()));
        }
        table.print(out);
        out.flush();
    }
}
