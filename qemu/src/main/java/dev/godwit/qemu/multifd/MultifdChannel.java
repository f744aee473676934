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
 * buffers, of 1.5 MiB or little more, live as long as {@link #run()}.
 */
final class MultifdChannel {

    private static final int PAGES_BYTES = MultifdPacket.MAX_PAGES * Page.SIZE_BYTES;

    private final ReadableByteChannel in;
    private final MultifdMethod method;
    private final RamSink sink;
    private final MultifdBarrier barrier;
    private final Progress progress;
    private final PacketPages packetPages = new PacketPages();
    private long headerPositionBytes;
    private int id;
    private @Nullable RamLayout layout;
    private @Nullable PageLane lane;
    private PageLane.@Nullable Places places;
    private final ByteBuffer[] targets = new ByteBuffer[PageLane.Places.MOST + 1];

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
            register(arena.allocate(MultifdInit.LENGTH_BYTES).asByteBuffer());
            switch (method) {
                case NONE -> {
                    PacketInput input = new PacketInput(in, section(), PAGES_BYTES, arena);
                    loop(input, packet -> input.payload(packet.payloadBytes()));
                }
                case ZLIB -> loopCompressed(arena, MultifdDecompressor.zlib());
                case ZSTD -> loopCompressed(arena, MultifdDecompressor.zstd());
            }
        }
        barrier.end(id);
    }

    private void register(ByteBuffer init) throws IOException {
        while (init.hasRemaining()) {
            if (in.read(init) < 0) {
                throw new StreamFormatException(
                        init.position(),
                        "multifd init packet",
                        init.remaining() + " more bytes of " + MultifdInit.LENGTH_BYTES,
                        "the channel's end");
            }
        }
        MultifdInit read = MultifdInit.read(init.flip(), 0);
        barrier.register(read, 0);
        id = read.channelId();
        Thread.currentThread().setName("multifd-" + id);
    }

    /** Brings the pages of a packet, in order, to the start of a segment. */
    private interface Payload {
        MemorySegment read(MultifdPacket packet) throws IOException;
    }

    private void loopCompressed(Arena arena, MultifdDecompressor newDecompressor) throws IOException {
        PacketInput input = new PacketInput(in, section(), MultifdPacket.MAX_PAYLOAD_BYTES, arena);
        MemorySegment pages = arena.allocate(PAGES_BYTES, Page.SIZE_BYTES);
        try (MultifdDecompressor decompressor = newDecompressor) {
            loop(input, packet -> readCompressed(packet, input, pages, decompressor));
        }
    }

    private void loop(PacketInput input, Payload payload) throws IOException {
        while (input.awaitHeader()) {
            headerPositionBytes = input.positionBytes();
            MultifdPacket packet = input.header();
            checkMethod(packet);
            if (packet.offsetsBytes().length > 0) {
                takePages(packet, input, payload);
            }
            if (packet.isSync()) {
                if (lane != null) {
                    lane.flush();
                }
                barrier.arrive(id);
            }
        }
    }

    private void checkMethod(MultifdPacket packet) throws StreamFormatException {
        int found = packet.flags() & MultifdMethod.MASK;
        if (found != method.flag() && (packet.normalPages() > 0 || found != 0)) {
            throw new StreamFormatException(
                    headerPositionBytes + 8,
                    section(),
                    "method " + MultifdMethod.describe(method.flag()),
                    MultifdMethod.describe(found));
        }
    }

    private void takePages(MultifdPacket packet, PacketInput input, Payload payload) throws IOException {
        if (lane == null || layout == null) {
            layout = barrier.awaitLayout();
            lane = sink.lane();
            places = method == MultifdMethod.NONE && input.scatters()
                    ? lane.places().orElse(null)
                    : null;
        }
        int block = checkPlace(packet, layout);
        MemorySegment pages = MemorySegment.NULL;
        if (packet.normalPages() > 0) {
            if (places != null) {
                barrier.expectPages(id); // and no more: whoever sends half a packet must not hold up the end
                input.scatter(targets, PacketPages.open(packet, places, block, targets), packet.payloadBytes());
            } else {
                pages = payload.read(packet);
            }
        }
        barrier.enterPages(id);
        try {
            packetPages.zeros(packet, lane, block); // first: a lane may then bring what is beside them as one run
            if (places == null) {
                packetPages.contents(packet, lane, block, pages);
            }
        } finally {
            barrier.leavePages();
        }
        progress.advance((long) packet.offsetsBytes().length * Page.SIZE_BYTES);
    }

    private int checkPlace(MultifdPacket packet, RamLayout blocks) throws StreamFormatException {
        int index = blocks.indexOf(packet.block());
        if (index < 0) {
            throw new StreamFormatException(
                    headerPositionBytes, section(), "a block of the block list", packet.block());
        }
        RamBlock block = blocks.block(index);
        for (long offset : packet.offsetsBytes()) {
            if (offset > block.lengthBytes() - Page.SIZE_BYTES) {
                throw new StreamFormatException(
                        headerPositionBytes,
                        section(),
                        "offsets in block " + block.id() + " of " + block.lengthBytes() + " bytes",
                        "0x%x".formatted(offset));
            }
        }
        return index;
    }

    private MemorySegment readCompressed(
            MultifdPacket packet, PacketInput input, MemorySegment pages, MultifdDecompressor decompressor)
            throws IOException {
        MemorySegment compressed = input.payload(packet.payloadBytes());
        MemorySegment decoded = pages.asSlice(0, (long) packet.normalPages() * Page.SIZE_BYTES);
        try {
            decompressor.decode(compressed.asByteBuffer(), decoded.asByteBuffer());
        } catch (PageDecodingException e) {
            throw new StreamFormatException(
                    headerPositionBytes + MultifdPacket.LENGTH_BYTES,
                    section(),
                    packet.normalPages() + " pages by " + MultifdMethod.describe(method.flag()),
                    String.valueOf(e.getMessage()));
        }
        return decoded;
    }

    private String section() {
        return "multifd channel " + id;
    }
}
