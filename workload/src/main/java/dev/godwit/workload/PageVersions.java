package dev.godwit.workload;

import dev.godwit.ram.Page;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * What each page holds in each generation: a pure function of seed, page and generation.
 *
 * <p>A version that is not all zero begins with a header, little-endian, so that a page found in the wrong place or of
 * the wrong time can be told:
 *
 * <table>
 * <caption>The header of a page</caption>
 * <tr><th>byte</th><th>bytes</th><th>holds</th></tr>
 * <tr><td>0</td><td>8</td><td>the seed, mixed: pages of another program are not taken for this one's</td></tr>
 * <tr><td>8</td><td>8</td><td>block index in the upper 16 bits, page number in the block below</td></tr>
 * <tr><td>16</td><td>8</td><td>generation: how often the page was written</td></tr>
 * <tr><td>24</td><td>8</td><td>checksum of the three</td></tr>
 * </table>
 *
 * <p>The rest is {@link PageMaking#parts()} parts; generation g replaces part g modulo the parts, so that each part is
 * of its own latest generation. Its bytes are a slice of a random pool, chosen by page and generation. Immutable after
 * construction, and so for any thread.
 */
final class PageVersions {

    static final int HEADER_BYTES = 32;

    private static final long POOL_BYTES = 1 << 20;
    private static final long COMMON_WORD = 0x2074696d646f4720L;
    private static final ValueLayout.OfLong LE_LONG = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final PageMaking making;
    private final long seed;
    private final long magic;
    private final MemorySegment pool;

    /** The versions of a seed; what they are made from lies in the arena. */
    PageVersions(PageMaking making, long seed, Arena arena) {
        this.making = making;
        this.seed = seed;
        this.magic = Mixing.mix(seed, COMMON_WORD);
        this.pool = arena.allocate(POOL_BYTES + Page.SIZE_BYTES, 64);
        SplittableRandom random = new SplittableRandom(seed);
        for (long at = 0; at < pool.byteSize(); at += 8) {
            pool.set(LE_LONG, at, poolWord(random.nextLong()));
        }
    }

    /**
     * Whose page a header says that it is, and when it was written.
     *
     * @param blockIndex the block
     * @param page the number in the block
     * @param generation how often it had been written
     */
    record Header(int blockIndex, long page, long generation) {}

    /** Writes a version into memory of our own. */
    void render(int blockIndex, long page, long generation, MemorySegment target) {
        if (isZero(blockIndex, page, generation)) {
            target.asSlice(0, Page.SIZE_BYTES).fill((byte) 0);
            return;
        }
        target.set(LE_LONG, 0, magic);
        target.set(LE_LONG, 8, pageId(blockIndex, page));
        target.set(LE_LONG, 16, generation);
        target.set(LE_LONG, 24, checksum(pageId(blockIndex, page), generation));
        for (int part = 0; part < making.parts(); part++) {
            long partGeneration = Math.max(0, generation - Math.floorMod(generation - part, making.parts()));
            long from = partStart(part);
            long length = partEnd(part) - from;
            if (isZero(blockIndex, page, partGeneration)) {
                target.asSlice(from, length).fill((byte) 0);
            } else {
                long at = slice(blockIndex, page, partGeneration) + from;
                MemorySegment.copy(pool, at, target, from, length);
            }
        }
    }

    /** {@return whether a version is all zero, without a header} */
    boolean isZero(int blockIndex, long page, long generation) {
        return (generation == 0 || making.parts() == 1)
                && making.zeroPercentage() > 0
                && Long.remainderUnsigned(Mixing.mix(~seed, pageId(blockIndex, page), generation), 100)
                        < making.zeroPercentage();
    }

    /** {@return the part of a page that a generation replaces} */
    int partOf(long generation) {
        return (int) (generation % making.parts());
    }

    /** {@return the byte at which a part begins, behind the header} */
    long partStart(int part) {
        return Math.max(HEADER_BYTES, (long) part * making.writeBytes());
    }

    /** {@return the byte behind a part} */
    long partEnd(int part) {
        return (part + 1L) * making.writeBytes();
    }

    /** {@return what the header of a page says, if it is one of this program} */
    Optional<Header> headerOf(MemorySegment content) {
        long id = content.get(LE_LONG, 8);
        long generation = content.get(LE_LONG, 16);
        boolean ours = content.get(LE_LONG, 0) == magic && content.get(LE_LONG, 24) == checksum(id, generation);
        return ours ? Optional.of(new Header((int) (id >>> 48), id & 0xffffffffffffL, generation)) : Optional.empty();
    }

    private static long pageId(int blockIndex, long page) {
        return ((long) blockIndex << 48) | page;
    }

    private long checksum(long id, long generation) {
        return Mixing.mix(magic, id, generation);
    }

    private long slice(int blockIndex, long page, long generation) {
        return Mixing.mix(seed, pageId(blockIndex, page), generation) & (POOL_BYTES - 8);
    }

    private long poolWord(long random) {
        return switch (making.content()) {
            case RANDOM -> random;
            case COMPRESSIBLE -> (COMMON_WORD << 16) | (random & 0xffff);
        };
    }
}
