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
import dev.godwit.ram.Page;
import dev.godwit.snapshot.Damage;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.snapshot.VerificationReport;
import dev.godwit.transport.ByteSize;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code godwit demo}. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "The main job on this machine: boots a small Linux in a stock QEMU, takes a snapshot while it writes, proves the"
                    + " file whole, finds a flipped bit, brings the guest back in two ways, and lets it check its memory.",
            "Takes about half a minute. Needs bin/peers to have run, which ./godwit demo sees to."
        })
final class DemoCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Override
    public Integer call() throws Exception {
        Path peers = peers();
        Path folder = Files.createTempDirectory("godwit-demo-");
        try (DemoGuest source = DemoGuest.start(peers, folder.resolve("source.sock"))) {
            source.awaitSocket();
            tell(peers, folder, source);
        } finally {
            remove(folder);
        }
        return ExitStatus.DONE;
    }

    private void tell(Path peers, Path folder, DemoGuest source) throws Exception {
        Path file = folder.resolve("guest.godwit");
        String checksum = source.await(DemoGuest.READY, 0).group(1);
        say("a Linux guest runs in a stock QEMU; its memory, all that never changes, has the checksum " + checksum);

        TakeSnapshotResult taken;
        try (TakeSnapshot snapshot = new TakeSnapshot(
                new TakeSnapshotOptions(
                        file, new QmpAddress.Unix(source.socket()), SnapshotMode.BACKGROUND, AfterSnapshot.RESUME, 0),
                Progress.NONE)) {
            taken = snapshot.run();
        }
        say("snapshot taken while it wrote, in " + Durations.text(taken.total()) + "; the guest stood still for "
                + taken.guestPause().map(Durations::text).orElse("no time"));
        source.await(DemoGuest.CUT, source.lineCount());
        say("the source guest went on and has found its memory right");

        long pages = verify(file);
        String place = damageIsFound(file);
        RestoreResult restored = restore(peers, folder, file, checksum);
        loadByQemu(peers, folder, file, checksum);
        table(taken, pages, place, restored, file);
    }

    private long verify(Path file) throws IOException, InterruptedException {
        VerificationReport report = Verification.of(file, Progress.NONE);
        if (!report.isWhole()) {
            throw new IOException("the snapshot is damaged: " + report.damages());
        }
        say("verified: " + report.checkedPages() + " pages, every byte of the file");
        return report.checkedPages();
    }

    /** Flips one bit in the middle of a page, sees it found, and flips it back. */
    private String damageIsFound(Path file) throws IOException, InterruptedException {
        long positionBytes = firstPagePosition(file) + 1234;
        flipBit(file, positionBytes);
        VerificationReport report = Verification.of(file, Progress.NONE);
        flipBit(file, positionBytes);
        if (report.damages().size() != 1 || !(report.damages().getFirst() instanceof Damage.Page page)) {
            throw new IOException("one flipped bit was not found as one damaged page: " + report.damages());
        }
        String place = page.blockId() + " offset 0x" + Long.toHexString(page.offsetBytes());
        say("one bit flipped on purpose: found at " + place + ", and put back");
        return place;
    }

    private static long firstPagePosition(Path file) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file)) {
            long page = snapshot.present(0).nextSet(0);
            return snapshot.head().layout().blocks().getFirst().header().pagesOffsetBytes() + page * Page.SIZE_BYTES;
        }
    }

    private static void flipBit(Path file, long positionBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, positionBytes);
            one.put(0, (byte) (one.get(0) ^ 0x10)).rewind();
            channel.write(one, positionBytes);
        }
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
            say("restored into a second QEMU in " + Durations.text(result.total())
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
            say("loaded by QEMU itself from the same file (-incoming file:), and right again");
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
        row(out, "guest RAM", ByteSize.format(restored.ramBytes()));
        row(out, "snapshot on disk", ByteSize.format(onDiskBytes));
        row(out, "snapshot taken in", Durations.text(taken.total()));
        row(
                out,
                "the guest stood still for",
                taken.guestPause().map(Durations::text).orElse("-"));
        row(out, "pages verified", Long.toString(pages));
        row(out, "flipped bit found at", place);
        row(out, "restored in", Durations.text(restored.total()));
        out.flush();
    }

    private static void row(PrintWriter out, String name, String value) {
        out.printf("  %-28s %s%n", name, Printable.text(value));
    }

    private void say(String text) {
        PrintWriter target = common.json ? common.err() : common.out();
        target.println("demo: " + Printable.text(text));
        target.flush();
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

    private static void remove(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }
}
