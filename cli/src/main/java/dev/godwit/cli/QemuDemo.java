package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.operations.AfterSnapshot;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreResult;
import dev.godwit.operations.SnapshotMode;
import dev.godwit.operations.TakeSnapshot;
import dev.godwit.operations.TakeSnapshotOptions;
import dev.godwit.operations.TakeSnapshotResult;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.transport.ByteSize;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The story with a guest that others made: a small Linux in a stock QEMU is snapshotted while it writes, the file is
 * proven whole, a flipped bit found, and the guest brought back in two ways.
 */
final class QemuDemo {

    private final CommonOptions common;
    private final DemoStory story;

    QemuDemo(CommonOptions common, DemoStory story) {
        this.common = common;
        this.story = story;
    }

    void run() throws Exception {
        Path peers = peers();
        Path folder = Files.createTempDirectory("godwit-demo-");
        try (DemoGuest source = DemoGuest.start(peers, folder.resolve("source.sock"))) {
            source.awaitSocket();
            tell(peers, folder, source);
        } finally {
            DemoStory.remove(folder);
        }
    }

    private void tell(Path peers, Path folder, DemoGuest source) throws Exception {
        Path file = folder.resolve("guest.godwit");
        String checksum = source.await(DemoGuest.READY, 0).group(1);
        story.say(
                "a Linux guest runs in a stock QEMU; its memory, all that never changes, has the checksum " + checksum);

        TakeSnapshotResult taken;
        try (TakeSnapshot snapshot = new TakeSnapshot(
                new TakeSnapshotOptions(
                        file, new QmpAddress.Unix(source.socket()), SnapshotMode.BACKGROUND, AfterSnapshot.RESUME, 0),
                Progress.NONE)) {
            taken = snapshot.run();
        }
        story.say("snapshot taken while it wrote, in " + Durations.text(taken.total()) + "; the guest stood still for "
                + taken.guestPause().map(Durations::text).orElse("no time"));
        source.await(DemoGuest.CUT, source.lineCount());
        story.say("the source guest went on and has found its memory right");

        long pages = story.verify(file);
        String place = story.damageIsFound(file);
        RestoreResult restored = restore(peers, folder, file, checksum);
        loadByQemu(peers, folder, file, checksum);
        table(taken, pages, place, restored, file);
    }

    private RestoreResult restore(Path peers, Path folder, Path file, String checksum) throws Exception {
        try (DemoGuest destination = DemoGuest.start(peers, folder.resolve("restored.sock"), "-incoming", "defer")) {
            destination.awaitSocket();
            RestoreResult result;
            try (Restore restore = new Restore(
                    new RestoreOptions(
                            file,
                            new RestoreOptions.Destination.Deferred(new QmpAddress.Unix(destination.socket())),
                            0),
                    Progress.NONE)) {
                result = restore.run();
            }
            check(destination, checksum);
            story.say("restored into a second QEMU in " + Durations.text(result.total())
                    + "; the guest went on and has found its memory right");
            return result;
        }
    }

    private void loadByQemu(Path peers, Path folder, Path file, String checksum) throws Exception {
        try (DemoGuest destination = DemoGuest.start(peers, folder.resolve("loaded.sock"), "-incoming", "defer")) {
            destination.awaitSocket();
            try (QmpClient qmp = QmpClient.connect(new QmpAddress.Unix(destination.socket()))) {
                qmp.execute(
                        "migrate-set-capabilities",
                        JsonObject.empty()
                                .with(
                                        "capabilities",
                                        new JsonArray(List.of(JsonObject.of("capability", "mapped-ram")
                                                .with("state", true)))));
                qmp.execute("migrate-incoming", JsonObject.of("uri", "file:" + file));
            }
            check(destination, checksum);
            story.say("loaded by QEMU itself from the same file (-incoming file:), and right again");
        }
    }

    /** The guest's own word is what counts: two whole verifications, and the checksum of its first. */
    private static void check(DemoGuest guest, String checksum) throws IOException, InterruptedException {
        guest.await(DemoGuest.CUT, 0);
        guest.await(DemoGuest.CUT, guest.lineCount());
        String found = guest.await(DemoGuest.TICK, 0).group(2);
        if (!found.equals(checksum)) {
            throw new IOException("the guest's checksum is " + found + " and was " + checksum);
        }
    }

    private void table(TakeSnapshotResult taken, long pages, String place, RestoreResult restored, Path file)
            throws IOException {
        PrintWriter out = common.out();
        long onDiskBytes;
        try (Snapshot snapshot = Snapshot.open(file)) {
            onDiskBytes = snapshot.allocatedBytes();
        }
        if (common.json) {
            JsonOutput.print(out, json -> {
                json.writeNumberProperty("snapshotMs", taken.total().toMillis());
                taken.guestPause().ifPresent(pause -> json.writeNumberProperty("guestPauseUs", pause.toNanos() / 1000));
                json.writeNumberProperty("ramBytes", restored.ramBytes());
                json.writeNumberProperty("onDiskBytes", onDiskBytes);
                json.writeNumberProperty("verifiedPages", pages);
                json.writeStringProperty("flippedBitFoundAt", place);
                json.writeNumberProperty("restoreMs", restored.total().toMillis());
            });
            return;
        }
        out.println();
        DemoStory.row(out, "guest RAM", ByteSize.format(restored.ramBytes()));
        DemoStory.row(out, "snapshot on disk", ByteSize.format(onDiskBytes));
        DemoStory.row(out, "snapshot taken in", Durations.text(taken.total()));
        DemoStory.row(
                out,
                "the guest stood still for",
                taken.guestPause().map(Durations::text).orElse("-"));
        DemoStory.row(out, "pages verified", Long.toString(pages));
        DemoStory.row(out, "flipped bit found at", place);
        DemoStory.row(out, "restored in", Durations.text(restored.total()));
        out.flush();
    }

    private static Path peers() throws IOException {
        Path peers = Path.of(System.getProperty("godwit.peers", ".peers")).toAbsolutePath();
        for (String needed : List.of("bin/qemu-10.0", "vmlinuz", "initramfs")) {
            if (!Files.exists(peers.resolve(needed))) {
                throw new IOException("the demo needs " + peers.resolve(needed)
                        + "; run bin/peers in the source tree, which says what it cannot fetch");
            }
        }
        return peers;
    }
}
