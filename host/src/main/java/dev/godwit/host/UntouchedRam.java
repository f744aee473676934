package dev.godwit.host;

import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.linux.Advice;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.PageCategory;
import dev.godwit.linux.PagemapScan;
import dev.godwit.linux.PagemapScan.Query;
import java.util.BitSet;
import java.util.Optional;
import java.util.Set;

/**
 * Tells which extents of guest RAM nobody has touched since it was had from the kernel: they hold zeros, and are still
 * without memory. Asking does not touch them.
 */
final class UntouchedRam {

    private static final Query THERE = new Query(
            Set.of(), Set.of(PageCategory.PRESENT, PageCategory.SWAPPED), Set.of(), Set.of(), false, false, 0);
    private static final int REGIONS = 512;

    private UntouchedRam() {}

    /**
     * {@return the extents of {@link MemoryAhead#EXTENT_BYTES} of a block of which no page is there, the last one
     * perhaps shorter; none where the kernel does not tell: before Linux 6.7 of anonymous memory}
     */
    static BitSet extents(RamAllocation ram, int blockIndex) {
        long lengthBytes = ram.memory().layout().block(blockIndex).lengthBytes();
        BitSet untouched = new BitSet();
        untouched.set(0, (int) Math.ceilDiv(lengthBytes, MemoryAhead.EXTENT_BYTES));
        Optional<Memfd> memfd = ram.memfd(blockIndex);
        try {
            if (memfd.isPresent()) {
                clearData(memfd.get().file(), untouched);
            } else {
                clearThere(ram.mapping(blockIndex).address(), lengthBytes, untouched);
            }
        } catch (LinuxException _) {
            untouched.clear();
        }
        return untouched;
    }

    /**
     * Has the kernel's own zeros be where nobody has touched anonymous memory: where it may, 2 MiB at a time. Once such
     * memory is write-protected each of its pages has an entry of its own, and whoever reads it faults for each.
     */
    @SuppressWarnings("EmptyCatch")
    static void makeReadable(RamAllocation ram) {
        for (int block = 0; block < ram.memory().blocks().size(); block++) {
            if (ram.memfd(block).isEmpty()) {
                BitSet untouched = extents(ram, block);
                long blockBytes = ram.memory().layout().block(block).lengthBytes();
                for (int first = untouched.nextSetBit(0); first >= 0; ) {
                    int end = untouched.nextClearBit(first);
                    long startBytes = first * MemoryAhead.EXTENT_BYTES;
                    long endBytes = Math.min(blockBytes, end * MemoryAhead.EXTENT_BYTES);
                    try {
                        ram.mapping(block).advise(Advice.POPULATE_READ, startBytes, endBytes - startBytes);
                    } catch (LinuxException _) {
                        // it is read more slowly then; EINVAL before Linux 5.14
                    }
                    first = untouched.nextSetBit(end);
                }
            }
        }
    }

    private static void clearData(OpenFile file, BitSet untouched) throws LinuxException {
        long lengthBytes = file.status().lengthBytes();
        long atBytes = file.nextData(0);
        while (atBytes >= 0 && atBytes < lengthBytes) {
            long endBytes = file.nextHole(atBytes);
            clear(atBytes, endBytes, untouched);
            atBytes = file.nextData(endBytes);
        }
    }

    private static void clearThere(long address, long lengthBytes, BitSet untouched) throws LinuxException {
        try (PagemapScan scan = PagemapScan.open(REGIONS)) {
            scan.scanAll(
                    address,
                    address + lengthBytes,
                    THERE,
                    (start, end, _) -> clear(start - address, end - address, untouched));
        }
    }

    private static void clear(long startBytes, long endBytes, BitSet untouched) {
        untouched.clear(
                (int) (startBytes / MemoryAhead.EXTENT_BYTES), (int) Math.ceilDiv(endBytes, MemoryAhead.EXTENT_BYTES));
    }
}
