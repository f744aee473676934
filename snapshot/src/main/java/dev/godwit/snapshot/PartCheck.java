package dev.godwit.snapshot;

import dev.godwit.qemu.mappedram.MappedRamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/** Holds every part of a snapshot that is no page against its checksum, and what lies between parts against zero. */
final class PartCheck {

    private final long startBytes;
    private final SnapshotFile file;
    private final Trailer trailer;
    private final Findings findings;
    private final List<Boolean> bitmapIsRight;
    private boolean headIsDamaged;

    /**
     * A check.
     *
     * @param startBytes where the snapshot starts in the file; what stands before is not its own
     */
    PartCheck(SnapshotFile file, long startBytes, Trailer trailer, Findings findings) {
        this.startBytes = startBytes;
        this.file = file;
        this.trailer = trailer;
        this.findings = findings;
        this.bitmapIsRight =
                new ArrayList<>(Collections.nCopies(trailer.blocks().size(), true));
    }

    /** {@return for each block, whether its bitmap is what was written} */
    List<Boolean> bitmapIsRight() {
        return bitmapIsRight;
    }

    /** {@return whether the head or a block's entry is damaged} */
    boolean headIsDamaged() {
        return headIsDamaged;
    }

    void run() throws IOException {
        for (FilePart part : trailer.parts()) {
            if (file.crc32c(part.positionBytes(), part.lengthBytes(), part.name()) != part.crc32c()) {
                damaged(part);
            }
        }
        checkPadding();
    }

    private void damaged(FilePart part) {
        long at = part.positionBytes();
        findings.add(
                switch (part.kind()) {
                    case HEAD -> {
                        headIsDamaged = true;
                        yield new Damage.Header(part.name(), at);
                    }
                    case BLOCK_ENTRY -> {
                        headIsDamaged = true;
                        yield new Damage.Header("the header of block " + part.name(), at);
                    }
                    case BITMAP -> {
                        if (part.blockIndex() >= 0 && part.blockIndex() < bitmapIsRight.size()) {
                            bitmapIsRight.set(part.blockIndex(), false);
                        }
                        yield new Damage.Bitmap(part.name(), part.blockIndex(), at);
                    }
                    case RAM_END, EOF -> new Damage.Header(part.name(), at);
                    case DEVICE -> new Damage.DeviceSection(part.name(), at);
                    case VMDESCRIPTION -> new Damage.VmDescription(at);
                });
    }

    private record Range(long start, long end) {}

    private void checkPadding() throws IOException {
        List<Range> used = new ArrayList<>();
        for (FilePart part : trailer.parts()) {
            used.add(new Range(part.positionBytes(), part.endBytes()));
        }
        for (MappedRamBlock block : trailer.blocks()) {
            used.add(new Range(block.header().pagesOffsetBytes(), block.pagesEndBytes()));
        }
        used.add(new Range(trailer.positionBytes(), trailer.positionBytes()));
        used.sort(Comparator.comparingLong(Range::start));
        long at = startBytes;
        for (Range range : used) {
            if (range.start() > at) {
                long other = ZeroRange.firstOther(file, at, range.start());
                if (other >= 0) {
                    findings.add(new Damage.Structure("the padding holds data", other));
                }
            }
            at = Math.max(at, range.end());
        }
    }
}
