package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.operations.Receive;
import dev.godwit.operations.ReceiveOptions;
import dev.godwit.operations.ReceiveResult;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreResult;
import dev.godwit.operations.machine.DriveResult;
import dev.godwit.qemu.multifd.MultifdMethod;
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
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;

/**
 * The story of a machine of Godwit's own, which knows what every page of its memory must hold: it moves from process to
 * process while it writes, is kept in a file, and goes on from there.
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
     * @param downtimeMs how long the guest stood still, where that is known
     * @param checkedPages that were found right afterwards
     */
    private record Step(String name, Duration total, OptionalLong downtimeMs, long sentBytes, long checkedPages) {}

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
        goOn(folder, file);
    }

    private void moveAgain(Path folder, Path file, DemoMachine second) throws Exception {
        String at = "unix:" + folder.resolve("third.migration");
        try (DemoMachine third = DemoMachine.start(host, folder, "third", incoming("defer"))) {
            third.enable("multifd");
            third.execute("migrate-set-parameters", compressed());
            third.execute("migrate-incoming", JsonObject.of("uri", at));
            move(second, third, "again, multifd and zstd", at, Set.of("return-path", "multifd"), compressed());
            keep(third, file);
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
        story.say(name + " to another process in " + Durations.text(step.total()) + "; the guest stood still for "
                + (step.downtimeMs().isPresent() ? step.downtimeMs().getAsLong() + " ms" : "an unknown time")
                + ", went on, and has found its memory right");
    }

    private static Step step(String name, DriveResult moved, long checkedPages) {
        JsonObject all = moved.last().all();
        long sentBytes = all.object("ram")
                .flatMap(ram -> ram.wholeNumber("transferred").stream().boxed().findFirst())
                .orElse(0L);
        return new Step(name, moved.total(), all.wholeNumber("downtime"), sentBytes, checkedPages);
    }

    /** The guest moves into a file: to the source it is a migration like any other. */
    private void keep(DemoMachine machine, Path file) throws Exception {
        MigrationUri at = MigrationUri.parse("unix:" + file.resolveSibling("file.migration"));
        CountDownLatch listening = new CountDownLatch(1);
        ReceiveOptions options = new ReceiveOptions(file, at, 0, MultifdMethod.NONE, false);
        DriveResult moved;
        try (Receive receive = new Receive(options, Progress.NONE, _ -> listening.countDown())) {
            FutureTask<ReceiveResult> received = new FutureTask<>(receive::run);
            Thread.ofPlatform().name("demo-receive").daemon(true).start(() -> {
                received.run();
                listening.countDown(); // also when it could not listen
            });
            listening.await();
            moved = machine.migrateTo(
                    at.toString(), Set.of("return-path"), JsonObject.empty().with("max-bandwidth", 0));
            received.get();
        }
        story.say("the guest is in a file now, and nowhere else");
        steps.add(step("into a snapshot, verified", moved, story.verify(file)));
        story.damageIsFound(file);
    }

    private void goOn(Path folder, Path file) throws Exception {
        MigrationUri at = MigrationUri.parse("unix:" + folder.resolve("fourth.migration"));
        try (DemoMachine fourth = DemoMachine.start(host, folder, "fourth", incoming(at.toString()))) {
            RestoreResult result;
            try (Restore restore = new Restore(
                    new RestoreOptions(file, new RestoreOptions.Destination.Listening(at), 0), Progress.NONE)) {
                result = restore.run();
            }
            long checked = fourth.verify();
            steps.add(new Step(
                    "restored from the file", result.total(), OptionalLong.empty(), result.ramBytes(), checked));
            story.say("restored into a new process in " + Durations.text(result.total())
                    + "; the guest went on where it was, and has found its memory right");
        }
    }

    private void table(Path file) throws IOException {
        PrintWriter out = common.out();
        long onDiskBytes;
        try (Snapshot snapshot = Snapshot.open(file)) {
            onDiskBytes = snapshot.allocatedBytes();
        }
        if (common.json) {
            JsonOutput.print(out, json -> {
                json.writeNumberProperty("ramBytes", ramBytes);
                json.writeNumberProperty("snapshotOnDiskBytes", onDiskBytes);
                json.writeArrayPropertyStart("steps");
                for (Step step : steps) {
                    json.writeStartObject();
                    json.writeStringProperty("name", step.name());
                    json.writeNumberProperty("totalMs", step.total().toMillis());
                    step.downtimeMs().ifPresent(ms -> json.writeNumberProperty("downtimeMs", ms));
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
                    step.downtimeMs().isPresent() ? step.downtimeMs().getAsLong() + " ms" : "-",
                    ByteSize.format(step.sentBytes()),
                    Long.toString(step.checkedPages()));
        }
        table.print(out);
        out.flush();
    }
}
