package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.linux.FileStatus;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.Closeable;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A snapshot that was opened: Godwit's own, a mapped-ram file of any QEMU, a classic migration stream in a file, or a
 * saved domain of Xen's. Whatever it was, it is blocks of RAM, and sections for all else. Reads may come from several
 * threads. Nothing is verified but the structure; {@link Verification} does that.
 */
public final class Snapshot implements RamSource, Closeable {

    /** What the file is. */
    public enum Kind {
        /** A mapped-ram file with Godwit's trailer. */
        GODWIT,
        /** A mapped-ram file without it, as QEMU writes it. */
        MAPPED_RAM,
        /** A migration stream, as QEMU writes it to a file without mapped-ram. */
        QEMU_STREAM,
        /** A saved domain of Xen 4.6 or later, alone, in a libxl stream or a file of {@code xl save}. */
        XEN_V3,
        /** A saved domain of Xen of April 2007 to 4.5. */
        XEN_LEGACY,
        /** What the saver of April 2007 wrote. */
        XEN_SEED
    }

    /**
     * Something that is to be said of a file.
     *
     * @param name what it is about, a word
     * @param text for people
     */
    public record Remark(String name, String text) {}

    private final Path path;
    private final Kind kind;
    private final SnapshotFile file;
    private final FileStatus status;
    private final MappedRamHead head;
    private final PlacedPages pages;
    private final VmState vmState;
    private final TrailerReading trailer;
    private final LaidOut.StreamReading stream;

    Snapshot(
            Path path,
            Kind kind,
            SnapshotFile file,
            FileStatus status,
            MappedRamHead head,
            List<PageBitmap> present,
            VmState vmState,
            TrailerReading trailer,
            LaidOut.StreamReading stream) {
        this.path = path;
        this.kind = kind;
        this.file = file;
        this.status = status;
        this.head = head;
        this.pages = new PlacedPages(file, head.layout(), present);
        this.vmState = vmState;
        this.trailer = trailer;
        this.stream = stream;
    }

    /**
     * Opens a file whose stream starts at its first byte.
     *
     * @throws StreamFormatException if it is none of the kinds, or not a sound one
     * @throws IOException if it cannot be read
     */
    public static Snapshot open(Path path) throws IOException {
        return open(path, 0, Progress.NONE);
    }

    /**
     * Opens a file.
     *
     * @param startBytes where the stream starts in it
     * @param progress hears how a classic stream is laid out, which takes a while; the other kinds open at once
     * @throws StreamFormatException if it is none of the kinds, or not a sound one
     * @throws IOException if it cannot be read
     */
    public static Snapshot open(Path path, long startBytes, Progress progress) throws IOException {
        return open(path, startBytes, StatedFormat.BY_CONTENT, progress);
    }

    /**
     * Opens a file of a format that its content may not show.
     *
     * @param startBytes where the stream starts in it
     * @param stated the format
     * @param progress hears how a stream is laid out, which takes a while; mapped-ram files open at once
     * @throws StreamFormatException if it is none of the kinds, or not the one that was said, or not a sound one
     * @throws IOException if it cannot be read
     */
    public static Snapshot open(Path path, long startBytes, StatedFormat stated, Progress progress) throws IOException {
        return SnapshotOpener.open(path, startBytes, stated, progress);
    }

    /** {@return the name it was opened by} */
    public Path path() {
        return path;
    }

    /** {@return what the file is} */
    public Kind kind() {
        return kind;
    }

    @Override
    public RamLayout layout() {
        return pages.layout();
    }

    @Override
    public PageBitmap present(int blockIndex) {
        return pages.present(blockIndex);
    }

    @Override
    public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
        pages.read(blockIndex, offsetBytes, target);
    }

    /** {@return what is to be said of the file beside what is in it} */
    public List<Remark> remarks() {
        return stream.remarks();
    }

    /** {@return the pages that the stream had twice to be compared, and that differed} */
    List<Damage> streamDamages() {
        return stream.damages();
    }

    /**
     * {@return the same RAM, each page of which is held against its checksum when it is read} Where the file has no
     * checksums it is this snapshot itself.
     *
     * @throws StreamFormatException if the bitmaps, the device state or another part that is no page is damaged, or the
     *     checksums are
     */
    public RamSource checked() throws IOException {
        if (!stream.damages().isEmpty()) {
            Damage damage = stream.damages().getFirst();
            throw new StreamFormatException(
                    damage.positionBytes(), "pages", "the same pages when they are sent again", damage.describe());
        }
        if (!trailer.damages().isEmpty()) {
            Damage damage = trailer.damages().getFirst();
            throw new StreamFormatException(
                    damage.positionBytes(), "trailer", "the snapshot's checksums", damage.describe());
        }
        return trailer.trailer().isEmpty()
                ? this
                : CheckedPages.of(pages, file, trailer.trailer().get());
    }

    /**
     * {@return the same RAM, read by a descriptor of its own and held against its checksums, where it has any, as it is
     * read}
     *
     * @param directIo whether it is read past the page cache, where the file system can and the target is aligned to
     *     4096 bytes
     * @throws StreamFormatException as {@link #checked}
     */
    public SnapshotReader reader(boolean directIo) throws IOException {
        RamSource source = checked();
        return SnapshotReader.open(
                file, pages, source instanceof CheckedPages hashed ? Optional.of(hashed) : Optional.empty(), directIo);
    }

    /**
     * Has the kernel read pages from the disk while something else is done. Returns when it has begun with the last of
     * them, which on a slow disk is not at once.
     *
     * @param pages those that are wanted soon, the first of them soonest
     * @throws IOException if the file cannot be read ahead, or the snapshot is closed meanwhile
     */
    public void readAhead(List<PagePlace> pages) throws IOException {
        ahead().begin(pages);
    }

    ReadAhead ahead() {
        return new ReadAhead(file, trailer(), pages);
    }

    /** {@return everything in the snapshot but RAM} */
    public VmState vmState() {
        return vmState;
    }

    /**
     * {@return where the blocks lie} For a stream, of QEMU's or Xen's, the places are those of a temporary file, of no
     * use to anybody else.
     */
    public MappedRamHead head() {
        return head;
    }

    /** {@return Godwit's trailer; empty where there is none, or a damaged one} */
    public Optional<Trailer> trailer() {
        return trailer.damages().isEmpty() ? trailer.trailer() : Optional.empty();
    }

    /** {@return what is wrong with the trailer, as far as opening the file shows it} */
    public List<Damage> trailerDamages() {
        return trailer.damages();
    }

    /** {@return how long the file is} */
    public long lengthBytes() {
        return status.lengthBytes();
    }

    /** {@return the file's number on its file system: what was opened, whatever has its name now} */
    public long inode() {
        return status.inode();
    }

    /** {@return what the file takes on the disk} */
    public long allocatedBytes() {
        return status.allocatedBytes();
    }

    PlacedPages pages() {
        return pages;
    }

    SnapshotFile file() {
        return file;
    }

    TrailerReading trailerReading() {
        return trailer;
    }

    @Override
    public void close() {
        OpenFile open = file.file();
        open.close();
    }
}
