package dev.godwit.qemu.multifd;

import dev.godwit.codec.MultifdCompressor;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageViews;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.GatheringByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One outgoing channel's loop: takes batches from the queue, finds their zero pages and sends the rest straight from
 * guest memory, or compressed. Owned by one thread.
 */
final class SendChannel {

    private final MultifdSender.Settings settings;
    private final GatheringByteChannel out;
    private final SendQueue queue;
    private final GuestMemory memory;
    private final SentPages sent;
    private final int id;
    private final byte[][] names;
    private final long[] zeroOffsets = new long[MultifdPacket.MAX_PAGES];
    private final ByteBuffer[] parts = new ByteBuffer[2 * MultifdPacket.MAX_PAGES + 1];
    private final PageViews views;

    SendChannel(
            MultifdSender.Settings settings,
            int id,
            GatheringByteChannel out,
            SendQueue queue,
            GuestMemory memory,
            SentPages sent) {
        this.settings = settings;
        this.id = id;
        this.out = out;
        this.queue = queue;
        this.memory = memory;
        this.sent = sent;
        this.views = new PageViews(memory, 2 * MultifdPacket.MAX_PAGES);
        this.names = memory.layout().blocks().stream()
                .map(block -> block.id().getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new);
    }

    /**
     * Sends until the queue ends.
     *
     * @throws IOException if the channel fails, or another one has
     */
    void run() throws IOException {
        try (Arena arena = Arena.ofConfined();
                PacketCompressor compressor =
                        PacketCompressor.of(settings, arena).orElse(null)) {
            ByteBuffer header =
                    arena.allocate(MultifdPacket.LENGTH_BYTES, 8).asByteBuffer().order(ByteOrder.BIG_ENDIAN);
            new MultifdInit(settings.uuid(), id).write(header.limit(MultifdInit.LENGTH_BYTES));
            parts[0] = header.flip();
            write(1);
            loop(header.clear(), compressor);
        }
    }

    private void loop(ByteBuffer header, @Nullable PacketCompressor compressor) throws IOException {
        PageBatch done = null;
        while (true) {
            switch (queue.take(id, done)) {
                case SendQueue.Job.Pages(PageBatch batch, long packetNumber) -> {
                    send(header, batch, packetNumber, compressor);
                    done = batch;
                }
                case SendQueue.Job.Sync(long packetNumber) -> {
                    sendSync(header, packetNumber);
                    done = null;
                }
                case SendQueue.Job.End() -> {
                    return;
                }
            }
        }
    }

    private void sendSync(ByteBuffer header, long packetNumber) throws IOException {
        MultifdPacket.writePages(header, MultifdPacket.SYNC, new byte[0], 0, zeroOffsets, 0);
        header.putInt(12, 0).putLong(24, packetNumber);
        parts[0] = header.clear();
        write(1);
    }

    private void send(ByteBuffer header, PageBatch batch, long packetNumber, @Nullable PacketCompressor compressor)
            throws IOException {
        int normalPages = settings.findZeroPages() ? putZeroPagesLast(batch) : batch.pages;
        MultifdPacket.writePages(
                header,
                settings.method().flag(),
                names[batch.blockIndex],
                normalPages,
                batch.offsetsBytes,
                batch.pages);
        header.putLong(24, packetNumber);
        parts[0] = header.clear();
        int count = 1 + pageParts(batch, normalPages);
        if (compressor == null) {
            header.putInt(20, normalPages * Page.SIZE_BYTES);
        } else if (normalPages > 0) {
            parts[1] = compressor.payload(parts, 1, count - 1);
            header.putInt(20, parts[1].remaining());
            count = 2;
        }
        write(count);
        sent.add(normalPages, batch.pages - normalPages);
    }

    /** {@return how many pages have content; their offsets come first and keep their order} */
    private int putZeroPagesLast(PageBatch batch) {
        MemorySegment block = memory.block(batch.blockIndex);
        int normal = 0;
        int zero = 0;
        int i = 0;
        while (i < batch.pages) {
            int end = runEnd(batch, i, batch.pages);
            long endBytes = batch.offsetsBytes[end - 1] + Page.SIZE_BYTES;
            for (long at = batch.offsetsBytes[i]; at < endBytes; ) {
                long contentEnd = ZeroPages.contentEnd(block, at, endBytes);
                for (; at < contentEnd; at += Page.SIZE_BYTES) {
                    batch.offsetsBytes[normal++] = at;
                }
                if (at < endBytes) {
                    long zerosEnd = ZeroPages.zerosEnd(block, at, endBytes);
                    if (zerosEnd == at) {
                        batch.offsetsBytes[normal++] = at;
                        at += Page.SIZE_BYTES;
                    }
                    for (; at < zerosEnd; at += Page.SIZE_BYTES) {
                        zeroOffsets[zero++] = at;
                    }
                }
            }
            i = end;
        }
        System.arraycopy(zeroOffsets, 0, batch.offsetsBytes, normal, zero);
        return normal;
    }

    /** {@return how many views of guest memory were put behind the header: one for each run of pages} */
    private int pageParts(PageBatch batch, int normalPages) {
        int count = 0;
        int start = 0;
        while (start < normalPages) {
            int end = runEnd(batch, start, normalPages);
            long offsetBytes = batch.offsetsBytes[start];
            long leftBytes = (long) (end - start) * Page.SIZE_BYTES;
            while (leftBytes > 0) {
                int bytes = (int) PageViews.bytesInOneWindow(offsetBytes, leftBytes);
                parts[1 + count] = views.view(count, batch.blockIndex, offsetBytes, bytes);
                count++;
                offsetBytes += bytes;
                leftBytes -= bytes;
            }
            start = end;
        }
        return count;
    }

    /** {@return where the pages end that lie one behind the other in memory} */
    private static int runEnd(PageBatch batch, int start, int most) {
        int end = start + 1;
        while (end < most && batch.offsetsBytes[end] == batch.offsetsBytes[end - 1] + Page.SIZE_BYTES) {
            end++;
        }
        return end;
    }

    private void write(int count) throws IOException {
        long leftBytes = 0;
        for (int i = 0; i < count; i++) {
            leftBytes += parts[i].remaining();
        }
        sent.addBytes(leftBytes);
        int first = 0;
        while (leftBytes > 0) {
            leftBytes -= out.write(parts, first, count - first);
            while (first < count - 1 && !parts[first].hasRemaining()) {
                first++;
            }
        }
    }

    /** Compresses runs of pages from where they lie, while the guest may be writing them. */
    private record PacketCompressor(MultifdCompressor compressor, ByteBuffer compressed) implements AutoCloseable {

        static Optional<PacketCompressor> of(MultifdSender.Settings settings, Arena arena) {
            Optional<MultifdCompressor> compressor = switch (settings.method()) {
                case NONE -> Optional.empty();
                case ZLIB -> Optional.of(MultifdCompressor.zlib(settings.level()));
                case ZSTD -> Optional.of(MultifdCompressor.zstd(settings.level()));
            };
            int mostBytes = MultifdCompressor.mostBytes(MultifdPacket.MAX_PAGES * Page.SIZE_BYTES);
            return compressor.map(encoder ->
                    new PacketCompressor(encoder, arena.allocate(mostBytes).asByteBuffer()));
        }

        ByteBuffer payload(ByteBuffer[] parts, int first, int count) {
            compressed.clear();
            for (int i = first; i < first + count; i++) {
                compressor.add(parts[i], compressed);
            }
            compressor.flush(compressed);
            return compressed.flip();
        }

        @Override
        public void close() {
            compressor.close();
        }
    }
}
