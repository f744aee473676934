package dev.godwit.qemu;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageViews;
import dev.godwit.ram.ZeroPages;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Writes host pages as RAM records, all records of one host page in a row; without a copy where the memory is this
 * process's. Owned by the thread of its channel.
 */
final class PostcopyPages {

    /** So many bytes are read and written at once, where the host's pages are smaller. */
    static final int RUN_BYTES = 64 << 10;

    /** Memory of this process, and views of it for one channel. */
    private record InPlace(GuestMemory memory, PageViews views) {}

    private final RamSource ram;
    private final PageClaims claims;
    private final StreamWriter writer;
    private final @Nullable InPlace inPlace;
    private final MemorySegment buffer;
    private int lastBlock = -1;
    private long read;

    /**
     * The pages of one channel.
     *
     * @param writer of the channel, on which nobody else writes pages
     */
    PostcopyPages(RamSource ram, PageClaims claims, StreamWriter writer) {
        this.ram = ram;
        this.claims = claims;
        this.writer = writer;
        this.inPlace = ram.inPlace()
                .map(memory -> new InPlace(memory, ByteOutput.views(memory)))
                .orElse(null);
        this.buffer = Arena.ofAuto().allocate(inPlace == null ? largestRunBytes() : 0, Page.SIZE_BYTES);
    }

    private long largestRunBytes() {
        long largest = RUN_BYTES;
        for (int block = 0; block < ram.layout().blocks().size(); block++) {
            largest = Math.max(largest, claims.hostPageBytes(block));
        }
        return largest;
    }

    /**
     * Reads what {@link #write} then writes; pages that are not present are not read.
     *
     * @throws UnreadablePageException if it cannot be read; nothing is written then
     */
    void read(int block, long hostPage, int hostPages) throws IOException {
        long bytes = claims.hostPageBytes(block) * hostPages;
        long offsetBytes = claims.hostPageBytes(block) * hostPage;
        read = 0;
        if (inPlace != null) {
            return;
        }
        long next = ram.present(block).nextSet(offsetBytes / Page.SIZE_BYTES);
        if (next < 0 || next * Page.SIZE_BYTES >= offsetBytes + bytes) {
            return;
        }
        try {
            ram.read(block, offsetBytes, buffer.asSlice(0, bytes));
        } catch (IOException e) {
            throw new UnreadablePageException(
                    "block %s cannot be read at 0x%x: %s"
                            .formatted(ram.layout().block(block).id(), offsetBytes, e.getMessage()),
                    e);
        }
        read = bytes;
    }

    /** Writes the records of what was read last. {@return how many pages were not zero} */
    int write(int block, long hostPage, int hostPages) throws IOException {
        long start = claims.hostPageBytes(block) * hostPage;
        long bytes = claims.hostPageBytes(block) * hostPages;
        int normalPages = 0;
        for (long at = 0; at < bytes; at += Page.SIZE_BYTES) {
            boolean continued = block == lastBlock;
            boolean zero = inPlace == null
                    ? writeRead(block, start + at, at, continued)
                    : writeInPlace(inPlace, block, start + at, continued);
            normalPages += zero ? 0 : 1;
            lastBlock = block;
        }
        return normalPages;
    }

    private boolean writeInPlace(InPlace lent, int block, long offsetBytes, boolean continued) throws IOException {
        if (ZeroPages.isZero(lent.memory.block(block), offsetBytes)) {
            writer.zeroPage(block, offsetBytes, continued);
            return true;
        }
        writer.lentPage(block, offsetBytes, continued, lent.views);
        return false;
    }

    private boolean writeRead(int block, long offsetBytes, long at, boolean continued) throws IOException {
        if (read == 0 || !ram.present(block).get(offsetBytes / Page.SIZE_BYTES) || ZeroPages.isZero(buffer, at)) {
            writer.zeroPage(block, offsetBytes, continued);
            return true;
        }
        writer.page(block, offsetBytes, continued, buffer.asSlice(at, Page.SIZE_BYTES));
        return false;
    }
}
