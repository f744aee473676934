package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.StreamFormatException;
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
 * A snapshot that was opened: Godwit's own, a mapped-ram file of any QEMU, or a classic migration stream in a file.
 * Reads may come from several threads. Nothing is verified but the structure; {@link Verification} does that.
 */
public final class Snapshot implements RamSource, Closeable {

    /** What the file is. */
    public enum Kind {
        /** A mapped-ram file with Godwit's trailer. */
        GODWIT,
        /** A mapped-ram file without it, as QEMU writes it. */
        MAPPED_RAM,
        /** A migration stream, as QEMU writes it to a file without mapped-ram. */
        QEMU_STREAM
    }

    private final Path path;
    private final Kind kind;
    private final SnapshotFile file;
    private final FileStatus status;
    private final MappedRamHead head;
    private final PlacedPages pages;
    private final VmState vmState;
    private final TrailerReading trailer;

    Snapshot(
            Path path,
            Kind kind,
            SnapshotFile file,
            FileStatus status,
            MappedRamHead head,
            List<PageBitmap> present,
            VmState vmState,
            TrailerReading trailer) {
        this.path = path;
        this.kind = kind;
        this.file = file;
        this.status = status;
        this.head = head;
        this.pages = new PlacedPages(file, head.layout(), present);
        this.vmState = vmState;
        this.trailer = trailer;
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
        return SnapshotOpener.open(path, startBytes, progress);
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

    /**
     * {@return the same RAM, each page of which is held against its checksum when it is read} Where the file has no
     * checksums it is this snapshot itself.
     *
     * @throws StreamFormatException if the bitmaps, the device state or another part that is no page is damaged, or the
     *     checksums are
     */
    public RamSource checked() throws IOException {
        if (!trailer.damages().isEmpty()) {
            Damage damage = trailer.damages().getFirst();
            throw new StreamFormatException(
                    damage.positionBytes(), "trailer", "the snapshot's checksums", damage.describe());
        }
        return trailer.trailer().isEmpty()
                ? this
                : CheckedPages.of(pages, file, trailer.trailer().get());
    }

    /** {@return everything in the snapshot but RAM} */
    public VmState vmState() {
        return vmState;
    }

    /**
     * {@return where the blocks lie} For a {@link Kind#QEMU_STREAM} the places are those of a temporary file, of no use
     * to anybody else.
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
