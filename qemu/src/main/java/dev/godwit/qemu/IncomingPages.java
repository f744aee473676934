package dev.godwit.qemu;

import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.Xbzrle;
import dev.godwit.codec.ZlibPages;
import dev.godwit.engine.PageLane;
import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Brings the records of the main channel into a sink, and keeps the multifd channels in step with them. */
final class IncomingPages implements RamVisitor, AutoCloseable {

    /** Progress is told in steps of this much, not a page at a time. */
    private static final long PROGRESS_STEP_BYTES = 16 << 20;

    private final ByteInput input;
    private final ReceivedPages sink;
    private final @Nullable MultifdSync multifd;
    private final Progress progress;
    private final ZlibPages zlibPages = new ZlibPages();
    private final MemorySegment scratch = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
    private MultifdSync.Mode multifdMode;
    private @Nullable PageLane lane;
    private @Nullable RamLayout begun;
    private boolean flushSeen;
    private boolean wholePagesOnly;
    private long untoldBytes;

    IncomingPages(
            ByteInput input,
            ReceivedPages sink,
            @Nullable MultifdSync multifd,
            MultifdSync.Mode multifdMode,
            Progress progress) {
        this.input = input;
        this.sink = sink;
        this.multifd = multifd;
        this.multifdMode = multifdMode;
        this.progress = progress;
        input.beforeWaiting(this::pause);
    }

    /** Whoever waits for a page that has come does not wait for what comes behind it. */
    private void pause() throws IOException {
        if (lane != null) {
            lane.pause();
        }
    }

    /** {@return what brings the pages of a channel whose blocks were said elsewhere} */
    static IncomingPages ofFurtherChannel(ByteInput input, RamSink sink) {
        IncomingPages pages =
                new IncomingPages(input, new ReceivedPages(sink), null, MultifdSync.Mode.PER_ROUND, Progress.NONE);
        pages.lane = sink.lane();
        return pages;
    }

    @Override
    public void blockList(RamBlockList list) throws IOException {
        RamLayout layout = list.layout();
        progress.phase("receiving RAM", layout.totalBytes());
        sink.begin(layout);
        begun = layout;
        lane = sink.lane();
        if (multifd != null) {
            multifd.begin(layout);
        }
    }

    @Override
    public void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws IOException {
        lane().zeroPages(blockIndex, offsetBytes, Page.SIZE_BYTES);
        told();
    }

    @Override
    public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content) throws IOException {
        lane().pages(blockIndex, offsetBytes, content);
        told();
    }

    @Override
    public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta)
            throws IOException {
        if (wholePagesOnly) {
            throw input.unexpected("whole pages in postcopy", "an XBZRLE record");
        }
        lane().read(blockIndex, offsetBytes, scratch);
        try {
            Xbzrle.decode(delta, scratch);
        } catch (PageDecodingException e) {
            throw input.unexpected("an XBZRLE delta", String.valueOf(e.getMessage()));
        }
        lane().pages(blockIndex, offsetBytes, scratch);
        told();
    }

    @Override
    public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib)
            throws IOException {
        try {
            zlibPages.decode(zlib, scratch);
        } catch (PageDecodingException e) {
            throw input.unexpected("a compressed page", String.valueOf(e.getMessage()));
        }
        lane().pages(blockIndex, offsetBytes, scratch);
        told();
    }

    @Override
    public void hook(long offsetBytes) {}

    @Override
    public void multifdFlush() throws IOException {
        if (multifd == null) {
            // QEMU passes it over; here it would make a snapshot in which most of RAM is silently zero.
            throw input.unexpectedAt(
                    input.position() - 8, "all pages in this stream", "MULTIFD_FLUSH: the source sends with multifd");
        }
        if (multifdMode == MultifdSync.Mode.PER_SECTION) {
            throw input.unexpectedAt(
                    input.position() - 8, "multifd in step after each section", "a MULTIFD_FLUSH record");
        }
        flushSeen = true;
        sync(multifd);
    }

    @Override
    public void endOfRecords() throws IOException {
        pause();
        if (multifdMode == MultifdSync.Mode.AS_START_SHOWS) {
            multifdMode = flushSeen ? MultifdSync.Mode.PER_ROUND : MultifdSync.Mode.PER_SECTION;
        }
        if (multifd != null && multifdMode == MultifdSync.Mode.PER_SECTION) {
            sync(multifd);
        }
    }

    /**
     * Forgets pages, which will come again; until they do they are zero.
     *
     * @throws dev.godwit.engine.StreamFormatException if they are no pages of the machine
     */
    void discard(Command.RamDiscard discard) throws IOException {
        PageLane pages = lane();
        int blockIndex = begun == null ? -1 : begun.indexOf(discard.block());
        if (begun == null || blockIndex < 0) {
            throw input.unexpected("a discard of a RAM block of the list", "one of " + discard.block());
        }
        long blockBytes = begun.block(blockIndex).lengthBytes();
        for (Command.RamDiscard.Range range : discard.ranges()) {
            if (range.startBytes() < 0
                    || range.lengthBytes() < 1
                    || range.startBytes() % Page.SIZE_BYTES != 0
                    || range.lengthBytes() % Page.SIZE_BYTES != 0
                    || range.lengthBytes() > blockBytes
                    || range.startBytes() > blockBytes - range.lengthBytes()) {
                throw input.unexpected(
                        "a discard of whole pages inside the " + blockBytes + " bytes of block " + discard.block(),
                        Long.toUnsignedString(range.lengthBytes()) + " bytes at "
                                + Long.toUnsignedString(range.startBytes()));
            }
            pages.zeroPages(blockIndex, range.startBytes(), range.lengthBytes());
            sink.forget(blockIndex, range.startBytes() / Page.SIZE_BYTES, range.lengthBytes() / Page.SIZE_BYTES);
        }
    }

    /** Refuses differences from now on. */
    void wholePagesOnly() {
        wholePagesOnly = true;
    }

    /** Hands what is held back to the sink. */
    void flush() throws IOException {
        lane().flush();
    }

    /** Hands the last pages to the sink. */
    void finish() throws IOException {
        lane().flush();
        progress.advance(untoldBytes);
        untoldBytes = 0;
    }

    /** {@return whether the block list has come} */
    boolean begun() {
        return lane != null;
    }

    private void sync(MultifdSync channels) throws IOException {
        lane().flush();
        channels.sync();
    }

    private void told() {
        untoldBytes += Page.SIZE_BYTES;
        if (untoldBytes >= PROGRESS_STEP_BYTES) {
            progress.advance(untoldBytes);
            untoldBytes = 0;
        }
    }

    private PageLane lane() throws IOException {
        if (lane == null) {
            throw input.unexpected("the block list", "a record before it");
        }
        return lane;
    }

    @Override
    public void close() {
        zlibPages.close();
    }
}
