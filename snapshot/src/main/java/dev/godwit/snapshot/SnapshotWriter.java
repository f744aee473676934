package dev.godwit.snapshot;

import dev.godwit.engine.HeapNeed;
import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import dev.godwit.qemu.mappedram.MappedRamReader;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes a snapshot: a mapped-ram file with a {@link Trailer}. Pages go straight to their place in a hidden file beside
 * the target; {@link #commit} makes it whole and gives it its name. Until then, and after {@link #close} without it,
 * what stood under that name is untouched.
 *
 * <p>Calls: {@link #create}, {@link #begin}, {@link #lane} for each channel, {@link #commit}, {@link #close}. Lanes may
 * be used by one thread each at the same time; all of them are done before commit is called, which writes what they
 * still hold. {@code close} may come from any thread at any time: whoever is writing then fails.
 *
 * <p>Memory: 4 bytes for each page that is present, two bits for each page, 1 MiB a lane.
 */
public final class SnapshotWriter implements RamSink, Closeable {

    /** Room for stream header, configuration and RAM section header, known only when the state is. */
    private static final int HEAD_ROOM_BYTES = 4096;

    private final TargetFile target;
    private final long startBytes;
    private final SnapshotOptions options;
    private final List<SnapshotLane> lanes = new ArrayList<>();
    private final List<PageFile> files = new ArrayList<>();
    private volatile @Nullable PageStore store;

    private SnapshotWriter(TargetFile target, long startBytes, SnapshotOptions options) {
        this.target = target;
        this.startBytes = startBytes;
        this.options = options;
    }

    /**
     * Makes the temporary file beside the target, so that a folder that cannot be written is found at once.
     *
     * @param target the snapshot's name; may be there already, and is then replaced by {@link #commit}
     * @throws IOException if the folder cannot be written, the name is no file's, or another Godwit writes it now;
     *     nothing was made
     */
    public static SnapshotWriter create(Path target, SnapshotOptions options) throws IOException {
        return new SnapshotWriter(TargetFile.create(target), 0, options);
    }

    /**
     * Writes into a file that has its name already, or is made, behind what stands in it: whoever has it open, or owns
     * it, finds the snapshot in the same file. It is cut there first, and again if the snapshot comes to nothing. Its
     * head, by which it is known as one, is written last.
     *
     * @param startBytes where the snapshot starts; what stands before is not touched
     * @throws IOException if it cannot be opened, or another Godwit writes it now
     */
    public static SnapshotWriter inPlace(Path target, long startBytes, SnapshotOptions options) throws IOException {
        return new SnapshotWriter(TargetFile.inPlace(target, startBytes), startBytes, options);
    }

    /** Lays pages out in a file without a name; {@link #handOver} is what {@link #commit} is to others. */
    static SnapshotWriter nameless(Path folder) throws IOException {
        return new SnapshotWriter(TargetFile.nameless(folder), 0, new SnapshotOptions(false));
    }

    @Override
    public void begin(RamLayout layout) throws IOException {
        if (store != null) {
            throw new IllegalStateException("begin is called once");
        }
        if (layout.blocks().isEmpty()) {
            throw new IOException("a guest without RAM cannot be kept");
        }
        MappedRamReader.checkTotal(layout.totalBytes());
        HeapNeed need = heapNeed(layout);
        if (!need.fits()) {
            throw new IOException("the guest's RAM of " + layout.totalBytes()
                    + " bytes needs, for what is kept of each page, " + need.remedy());
        }
        MappedRamLayout plan = MappedRamLayout.plan(startBytes + HEAD_ROOM_BYTES, 0, layout);
        PageFile file;
        try {
            target.file().truncate(plan.endBytes());
            file = added(PageFile.of(target.file(), target.temporary(), options.directIo()));
        } catch (LinuxException e) {
            throw e.isOutOfSpace() || e.errno().equals(Errno.EFBIG)
                    ? new IOException("the file system cannot hold a file of " + plan.endBytes() + " bytes", e)
                    : e;
        }
        store = new PageStore(file, plan);
    }

    private PageFile added(PageFile file) {
        synchronized (files) {
            files.add(file);
        }
        return file;
    }

    /** A checksum, three bits (present, written, received) and their overhead for each page, if all come. */
    static HeapNeed heapNeed(RamLayout layout) {
        long pages = layout.totalBytes() / Page.SIZE_BYTES;
        return new HeapNeed(pages * Integer.BYTES + pages / 2);
    }

    @Override
    public PageLane lane() {
        PageStore pages = begun();
        return added(new SnapshotLane(pages, pages.file()));
    }

    /**
     * {@return a lane with descriptors of its own}
     *
     * @throws IOException if the file cannot be opened again
     */
    public PageLane separateLane() throws IOException {
        return added(new SnapshotLane(begun(), added(PageFile.open(target.temporary(), options.directIo()))));
    }

    private SnapshotLane added(SnapshotLane lane) {
        synchronized (lanes) {
            lanes.add(lane);
        }
        return lane;
    }

    /** {@return how many bytes of pages were written so far, later copies included} */
    public long writtenBytes() {
        PageStore pages = store;
        return pages == null ? 0 : pages.writtenBytes();
    }

    /** {@return how many times a page was said to be zero, or found to be} */
    public long zeroPages() {
        PageStore pages = store;
        return pages == null ? 0 : pages.zeroPages();
    }

    /**
     * Waits until the pages that were written so far are on the disk, so that {@link #commit} finds less to do.
     *
     * @throws IOException if the disk fails
     */
    public void syncPages() throws IOException {
        try {
            target.file().syncContent();
        } catch (LinuxException e) {
            throw begun().explain(e);
        }
    }

    /** {@return the final name} */
    public Path target() {
        return target.target();
    }

    /**
     * Makes the snapshot whole: holes, bitmaps, device state and trailer are written, the file is synced, takes its
     * final name, and the folder is synced. When this returns, the snapshot survives a power cut.
     *
     * @param state everything but RAM
     * @param facts how the snapshot came to be
     * @throws IOException if anything of it fails; what stood under the final name is untouched, unless only the last
     *     sync of the folder failed
     */
    public void commit(VmState state, CreationFacts facts) throws IOException {
        PageStore pages = begun();
        try {
            finishPages();
            new SnapshotTail(target.file(), pages, startBytes, HEAD_ROOM_BYTES).write(state, facts, true);
            target.commit(pages.file().isDirect());
        } catch (LinuxException e) {
            throw pages.explain(e);
        }
    }

    /**
     * Keeps what there is under the final name with {@code .incomplete} behind it, from now on whatever happens, unless
     * a {@link #commit} follows: for a guest that is nowhere else any more. Such a file has all parts of a snapshot but
     * the first four bytes, so that nothing loads it as if it were whole. May be called again, when more is there.
     *
     * @return the name
     * @throws IOException if the disk fails; it may stay under its hidden name
     */
    public Path keepIncomplete(VmState state, CreationFacts facts) throws IOException {
        PageStore pages = begun();
        try {
            target.keep(); // first: what there is stays, whatever becomes of the rest
            finishPages();
            new SnapshotTail(target.file(), pages, startBytes, HEAD_ROOM_BYTES).write(state, facts, false);
            return target.keep();
        } catch (LinuxException e) {
            throw pages.explain(e);
        }
    }

    /** Writes what the lanes still hold, and makes holes where pages became zero. */
    MappedRamLayout finishPages() throws IOException {
        PageStore pages = begun();
        synchronized (lanes) {
            for (SnapshotLane lane : lanes) {
                lane.flush();
            }
        }
        pages.punchHoles();
        return pages.layout();
    }

    List<PageBitmap> present() {
        return begun().present();
    }

    /** {@return the file with the pages, which is now the caller's to close} */
    OpenFile handOver() throws IOException {
        return target.handOver();
    }

    private PageStore begun() {
        PageStore pages = store;
        if (pages == null) {
            throw new IllegalStateException("begin comes first");
        }
        return pages;
    }

    /** Ends the writing; without a commit before, the temporary file is removed. */
    @Override
    public void close() throws IOException {
        synchronized (files) {
            files.forEach(PageFile::close);
        }
        target.close();
    }
}
