package dev.godwit.workload;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.stream.LongStream;

/** Compares pages of the guest with what they must hold, and says what is wrong. Belongs to one thread. */
final class PageCheck {

    /** How many versions before and after the expected one are tried to explain a torn page. */
    private static final int TORN_REACH = 16;

    /** A copy is broken off between words, and fewer bytes are those of some version by chance. */
    private static final long SHORTEST_PART_BYTES = 8;

    private static final long ZEROS = -1;

    private final GuestMemory memory;
    private final PageVersions versions;
    private final MemorySegment expected;
    private final MemorySegment found;
    private final MemorySegment other;

    PageCheck(GuestMemory memory, PageVersions versions, Arena arena) {
        this.memory = memory;
        this.versions = versions;
        this.expected = arena.allocate(Page.SIZE_BYTES, 64);
        this.found = arena.allocate(Page.SIZE_BYTES, 64);
        this.other = arena.allocate(Page.SIZE_BYTES, 64);
    }

    /** {@return what is wrong with a page that must hold a generation; empty where it is right} */
    Optional<PageDamage> check(int blockIndex, long page, long generation) {
        long address = memory.hostAddress(blockIndex, page * Page.SIZE_BYTES);
        versions.render(blockIndex, page, generation, expected);
        if (NativeMemory.compare(address, expected.address(), Page.SIZE_BYTES) == 0) {
            return Optional.empty();
        }
        NativeMemory.copy(found.address(), address, Page.SIZE_BYTES);
        return Optional.of(diagnose(blockIndex, page, generation));
    }

    private PageDamage diagnose(int blockIndex, long page, long generation) {
        Optional<PageVersions.Header> header = versions.headerOf(found);
        if (isZero()) {
            return damage(DamageKind.MISSING, blockIndex, page, generation, "only zeros");
        }
        if (header.isPresent() && holds(header.get())) {
            return misplaced(header.get(), blockIndex, page, generation);
        }
        return torn(header, blockIndex, page, generation)
                .orElseGet(() -> damage(DamageKind.CORRUPT, blockIndex, page, generation, differences()));
    }

    private PageDamage misplaced(PageVersions.Header header, int blockIndex, long page, long generation) {
        if (header.blockIndex() != blockIndex || header.page() != page) {
            String whose = "version %d of page %d of block %s"
                    .formatted(header.generation(), header.page(), blockId(header.blockIndex()));
            return damage(DamageKind.FOREIGN, blockIndex, page, generation, whose);
        }
        DamageKind kind = header.generation() < generation ? DamageKind.STALE : DamageKind.AHEAD;
        return damage(kind, blockIndex, page, generation, "version " + header.generation());
    }

    /** A page that one version explains up to some byte, and another from there on. */
    private Optional<PageDamage> torn(
            Optional<PageVersions.Header> header, int blockIndex, long page, long generation) {
        long first = generation;
        long last = generation;
        long prefixBytes = 0;
        long suffixBytes = 0;
        long nearest = header.map(PageVersions.Header::generation).orElse(generation);
        for (long candidate : candidates(generation, nearest)) {
            renderOther(blockIndex, page, candidate);
            long prefix = found.mismatch(other);
            long suffix = commonSuffix();
            if (prefix > prefixBytes) {
                prefixBytes = prefix;
                first = candidate;
            }
            if (suffix > suffixBytes) {
                suffixBytes = suffix;
                last = candidate;
            }
        }
        if (prefixBytes + suffixBytes < Page.SIZE_BYTES
                || Math.min(prefixBytes, suffixBytes) < SHORTEST_PART_BYTES
                || first == last) {
            return Optional.empty();
        }
        String text = "%s up to byte %d and %s behind it".formatted(name(first), prefixBytes, name(last));
        return Optional.of(damage(DamageKind.TORN, blockIndex, page, generation, text));
    }

    /** The expected version first, so that it explains what several could. */
    private static long[] candidates(long generation, long nearest) {
        return LongStream.concat(
                        LongStream.of(generation, ZEROS, nearest),
                        LongStream.rangeClosed(-TORN_REACH, TORN_REACH)
                                .flatMap(by -> LongStream.of(generation + by, nearest + by)))
                .filter(one -> one >= ZEROS)
                .distinct()
                .toArray();
    }

    private void renderOther(int blockIndex, long page, long generation) {
        if (generation == ZEROS) {
            other.fill((byte) 0);
        } else {
            versions.render(blockIndex, page, generation, other);
        }
    }

    private static String name(long generation) {
        return generation == ZEROS ? "zeros" : "version " + generation;
    }

    private long commonSuffix() {
        long at = Page.SIZE_BYTES;
        while (at > 0 && found.get(JAVA_BYTE, at - 1) == other.get(JAVA_BYTE, at - 1)) {
            at--;
        }
        return Page.SIZE_BYTES - at;
    }

    private boolean holds(PageVersions.Header header) {
        if (header.blockIndex() >= memory.layout().blocks().size()) {
            return false;
        }
        versions.render(header.blockIndex(), header.page(), header.generation(), other);
        return found.mismatch(other) < 0;
    }

    private boolean isZero() {
        renderOther(0, 0, ZEROS);
        return found.mismatch(other) < 0;
    }

    private String differences() {
        long first = found.mismatch(expected);
        long bytes = 0;
        for (long at = first; at < Page.SIZE_BYTES; at++) {
            if (found.get(JAVA_BYTE, at) != expected.get(JAVA_BYTE, at)) {
                bytes++;
            }
        }
        return "%d wrong bytes, the first at byte %d of the page".formatted(bytes, first);
    }

    private String blockId(int blockIndex) {
        return memory.layout().block(blockIndex).id();
    }

    private PageDamage damage(DamageKind kind, int blockIndex, long page, long generation, String found) {
        return new PageDamage(kind, blockId(blockIndex), page, generation, found);
    }
}
