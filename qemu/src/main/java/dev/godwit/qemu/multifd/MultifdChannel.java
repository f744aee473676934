package dev.godwit.qemu.multifd;

import dev.godwit.codec.MultifdDecompressor;
import dev.godwit.codec.PageDecodingException;
import dev.godwit.engine.PageLane;
import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * One channel's loop: reads packets, decodes their pages and hands them to a lane of its own. Owned by one thread; its
 * buffers, of 1.5 MiB at most, live as long as {@link #run()}.
 */
final class MultifdChannel {

    private static final int PAGES_BYTES = MultifdPacket.MAX_PAGES * Page.SIZE_BYTES;

    private final ReadableByteChannel in;
    private final MultifdMethod method;
    private final RamSink sink;
    private final MultifdBarrier barrier;
    private final Progress progress;
    private long positionBytes;
    private int id;
    private @Nullable RamLayout layout;
    private @Nullable PageLane lane;

    MultifdChannel(
            ReadableByteChannel in, MultifdMethod method, RamSink sink, MultifdBarrier barrier, Progress progress) {
        this.in = in;
        this.method = method;
        this.sink = sink;
        this.barrier = barrier;
        this.progress = progress;
    }

    /**
     * Reads until the channel ends between two packets.
     *
     * @throws IOException if what it brings is wrong, cut off or cannot be kept, or another channel has failed
     */
    void run() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pages = arena.allocate(PAGES_BYTES, Page.SIZE_BYTES);
            ByteBuffer header = arena.allocate(MultifdPacket.LENGTH_BYTES).asByteBuffer();
            register(header);
            switch (method) {
                case NONE -> loop(header, (packet) -> readPlain(packet, pages));
                case ZLIB -> loopCompressed(header, pages, arena, MultifdDecompressor.zlib());
                case ZSTD -> loopCompressed(header, pages, arena, MultifdDecompressor.zstd());
            }
        }
        barrier.end(id);
    }

    private void register(ByteBuffer header) throws IOException {
        header.limit(MultifdInit.LENGTH_BYTES);
        if (!fill(header, "multifd init packet", true)) {
            throw new StreamFormatException(0, "multifd init packet", "64 bytes", "the channel's end");
        }
        MultifdInit init = MultifdInit.read(header.flip(), 0);
        barrier.register(init, 0);
        id = init.channelId();
        Thread.currentThread().setName("multifd-" + id);
    }

    /** Brings the pages of a packet, in order, to the start of a segment. */
    private interface Payload {
        MemorySegment read(MultifdPacket packet) throws IOException;
    }

    private void loopCompressed(
            ByteBuffer header, MemorySegment pages, Arena arena, MultifdDecompressor newDecompressor)
            throws IOException {
        ByteBuffer compressed = arena.allocate(MultifdPacket.MAX_PAYLOAD_BYTES).asByteBuffer();
        try (MultifdDecompressor decompressor = newDecompressor) {
            loop(header, packet -> readCompressed(packet, pages, compressed, decompressor));
        }
    }

    private void loop(ByteBuffer header, Payload payload) throws IOException {
        while (readHeader(header)) {
            MultifdPacket packet = MultifdPacket.read(header.flip(), positionBytes - MultifdPacket.LENGTH_BYTES);
            checkMethod(packet);
            if (packet.offsetsBytes().length > 0) {
                takePages(packet, payload);
            }
            if (packet.isSync()) {
                if (lane != null) {
                    lane.flush();
                }
                barrier.arrive(id);
            }
        }
    }

    /** The flags in the first bytes say whether the packet is of this kind, and so how long it is. */
    private boolean readHeader(ByteBuffer header) throws IOException {
        header.clear().limit(MultifdPacket.PREFIX_BYTES);
        if (!fill(header, section(), true)) {
            return false;
        }
        MultifdPacket.checkPrefix(header.duplicate().rewind(), positionBytes - MultifdPacket.PREFIX_BYTES);
        header.limit(MultifdPacket.LENGTH_BYTES);
        fill(header, section(), false);
        return true;
    }

    private void checkMethod(MultifdPacket packet) throws StreamFormatException {
        int found = packet.flags() & MultifdMethod.MASK;
        if (found != method.flag() && (packet.normalPages() > 0 || found != 0)) {
            throw new StreamFormatException(
                    positionBytes - MultifdPacket.LENGTH_BYTES + 8,
                    section(),
                    "method " + MultifdMethod.describe(method.flag()),
                    MultifdMethod.describe(found));
        }
    }

    private void takePages(MultifdPacket packet, Payload payload) throws IOException {
        if (lane == null || layout == null) {
            layout = barrier.awaitLayout();
            lane = sink.lane();
        }
        int block = checkPlace(packet, layout);
        MemorySegment pages = packet.normalPages() > 0 ? payload.read(packet) : MemorySegment.NULL;
        barrier.enterPages(id);
        try {
            handOver(packet, lane, block, pages);
        } finally {
            barrier.leavePages();
        }
        progress.advance((long) packet.offsetsBytes().length * Page.SIZE_BYTES);
    }

    private int checkPlace(MultifdPacket packet, RamLayout blocks) throws StreamFormatException {
        int index = blocks.indexOf(packet.block());
        if (index < 0) {
            throw new StreamFormatException(
                    positionBytes - MultifdPacket.LENGTH_BYTES, section(), "a block of the block list", packet.block());
        }
        RamBlock block = blocks.block(index);
        for (long offset : packet.offsetsBytes()) {
            if (offset > block.lengthBytes() - Page.SIZE_BYTES) {
                throw new StreamFormatException(
                        positionBytes - MultifdPacket.LENGTH_BYTES,
                        section(),
                        "offsets in block " + block.id() + " of " + block.lengthBytes() + " bytes",
                        "0x%x".formatted(offset));
            }
        }
        return index;
    }

    /** Pages that follow each other go as one run. */
    private static void handOver(MultifdPacket packet, PageLane lane, int block, MemorySegment pages)
            throws IOException {
        long[] offsets = packet.offsetsBytes();
        int normalPages = packet.normalPages();
        int start = 0;
        while (start < offsets.length) {
            int limit = start < normalPages ? normalPages : offsets.length;
            int end = start + 1;
            while (end < limit && offsets[end] == offsets[end - 1] + Page.SIZE_BYTES) {
                end++;
            }
            long lengthBytes = (long) (end - start) * Page.SIZE_BYTES;
            if (start < normalPages) {
                lane.pages(block, offsets[start], pages.asSlice((long) start * Page.SIZE_BYTES, lengthBytes));
            } else {
                lane.zeroPages(block, offsets[start], lengthBytes);
            }
            start = end;
        }
    }

    private MemorySegment readPlain(MultifdPacket packet, MemorySegment pages) throws IOException {
        MemorySegment read = pages.asSlice(0, packet.payloadBytes());
        fill(read.asByteBuffer(), section(), false);
        return read;
    }

    private MemorySegment readCompressed(
            MultifdPacket packet, MemorySegment pages, ByteBuffer compressed, MultifdDecompressor decompressor)
            throws IOException {
        compressed.clear().limit(packet.payloadBytes());
        fill(compressed, section(), false);
        MemorySegment decoded = pages.asSlice(0, (long) packet.normalPages() * Page.SIZE_BYTES);
        try {
            decompressor.decode(compressed.flip(), decoded.asByteBuffer());
        } catch (PageDecodingException e) {
            throw new StreamFormatException(
                    positionBytes - packet.payloadBytes(),
                    section(),
                    packet.normalPages() + " pages by " + MultifdMethod.describe(method.flag()),
                    String.valueOf(e.getMessage()));
        }
        return decoded;
    }

    /** {@return false at the channel's end, if that is allowed here} */
    private boolean fill(ByteBuffer target, String section, boolean mayEnd) throws IOException {
        int start = target.position();
        while (target.hasRemaining()) {
            int read = in.read(target);
            if (read < 0) {
                if (mayEnd && target.position() == start) {
                    return false;
                }
                throw new StreamFormatException(
                        positionBytes + target.position() - start,
                        section,
                        target.remaining() + " more bytes",
                        "the channel's end");
            }
        }
        positionBytes += target.position() - start;
        return true;
    }

    private String section() {
        return "multifd channel " + id;
    }
}
