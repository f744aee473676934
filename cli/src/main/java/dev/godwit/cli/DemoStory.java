package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.ram.Page;
import dev.godwit.snapshot.Damage;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.snapshot.VerificationReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** What every demo does: it says how far it is, and proves its snapshot whole. */
final class DemoStory {

    private final PrintWriter told;

    /** A story told to a reader. */
    DemoStory(PrintWriter told) {
        this.told = told;
    }

    void say(String text) {
        told.println("demo: " + Printable.text(text));
        told.flush();
    }

    static void row(PrintWriter out, String name, String value) {
        out.printf("  %-28s %s%n", name, Printable.text(value));
    }

    /** {@return how many pages of a snapshot are right} Fails if one is not. */
    long verify(Path file) throws IOException, InterruptedException {
        VerificationReport report = Verification.of(file, Progress.NONE);
        if (!report.isWhole()) {
            throw new IOException("the snapshot is damaged: " + report.damages());
        }
        say("verified: " + report.checkedPages() + " pages, every byte of the file");
        return report.checkedPages();
    }

    /** Flips one bit in the middle of a page, sees it found, and flips it back. */
    String damageIsFound(Path file) throws IOException, InterruptedException {
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

    static void remove(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(folder);
    }
}
