package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamReader;
import dev.godwit.qemu.mappedram.MappedRamTail;
import dev.godwit.ram.PageBitmap;
import dev.godwit.snapshot.VerificationReport.Scope;
import dev.godwit.xen.XenFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Checks a snapshot file: every byte of it where Godwit's trailer is there, the structure where it is not.
 *
 * <p>What is found is reported, not thrown. An exception says that the file is no snapshot at all, that its format is
 * of a later version, or that it cannot be read.
 */
public final class Verification {

    /** How many damages are kept unless the caller wants more or fewer; all are counted. */
    public static final int DEFAULT_MAX_DAMAGES = 1000;

    private final Path path;
    private final SnapshotFile file;
    private final Progress progress;
    private final Findings findings;

    private Verification(Path path, SnapshotFile file, Progress progress, int maxDamages) {
        this.path = path;
        this.file = file;
        this.progress = progress;
        this.findings = new Findings(maxDamages);
    }

    /**
     * Verifies a file whose stream starts at its first byte.
     *
     * @throws StreamFormatException if the file is no snapshot, or of a version that is not known
     * @throws IOException if it cannot be read
     * @throws InterruptedException if the thread was interrupted; nothing is known then
     */
    public static VerificationReport of(Path path, Progress progress) throws IOException, InterruptedException {
        return of(path, 0, StatedFormat.BY_CONTENT, progress, DEFAULT_MAX_DAMAGES);
    }

    /**
     * Verifies a file.
     *
     * @param startBytes where the stream starts in it
     * @param stated its format, where its content may not show it
     * @param progress hears of the pages that were checked
     * @param maxDamages how many damages are kept
     * @throws StreamFormatException if the file is no snapshot, or of a version that is not known
     * @throws IOException if it cannot be read
     * @throws InterruptedException if the thread was interrupted; nothing is known then
     */
    public static VerificationReport of(
            Path path, long startBytes, StatedFormat stated, Progress progress, int maxDamages)
            throws IOException, InterruptedException {
        try (OpenFile open = OpenFile.open(path)) {
            SnapshotFile file = new SnapshotFile(open, open.status().lengthBytes());
            Verification verification = new Verification(path, file, progress, maxDamages);
            Optional<XenFormat> xen = XenImage.format(file, startBytes, stated);
            return xen.isPresent() ? verification.xen(startBytes, xen.get(), stated) : verification.run(startBytes);
        }
    }

    /** A saved domain is checked by reading it; where it was sent twice to be compared, it is compared. */
    private VerificationReport xen(long startBytes, XenFormat format, StatedFormat stated) throws IOException {
        try (Snapshot snapshot = Snapshot.open(path, startBytes, stated, progress)) {
            snapshot.streamDamages().forEach(findings::add);
            return findings.report(snapshot.kind(), Scope.STRUCTURE, presentPages(bitmaps(snapshot)));
        } catch (StreamFormatException e) {
            structure(e);
            return findings.report(XenImage.kind(format), Scope.STRUCTURE, 0);
        }
    }

    private VerificationReport run(long startBytes) throws IOException, InterruptedException {
        Optional<MappedRamHead> head = Optional.empty();
        Optional<StreamFormatException> headFailure = Optional.empty();
        try {
            if (!MappedRamReader.isMappedRam(file, startBytes)) {
                headFailure = Optional.of(new StreamFormatException(
                        startBytes, "configuration", "the capability mapped-ram", "a classic stream"));
            } else {
                head = Optional.of(MappedRamReader.readHead(file, startBytes));
            }
        } catch (StreamFormatException e) {
            headFailure = Optional.of(e);
        }
        OptionalLong searchFrom = head.isPresent() ? OptionalLong.of(head.get().endBytes()) : OptionalLong.empty();
        TrailerReading trailer = TrailerReader.read(file, searchFrom);
        if (!trailer.recognised() && head.isEmpty()) {
            return withoutHead(startBytes, headFailure.orElseThrow());
        }
        trailer.damages().forEach(findings::add);
        if (trailer.trailer().isEmpty()) {
            return structure(head, headFailure, trailer);
        }
        return everyByte(
                startBytes, head, headFailure, trailer, trailer.trailer().get());
    }

    /** A classic stream is checked by reading it; whatever else it is, is no snapshot, or a damaged foreign one. */
    private VerificationReport withoutHead(long startBytes, StreamFormatException headFailure) throws IOException {
        if (!headFailure.section().equals("configuration")
                && !headFailure.section().startsWith("ram ")) {
            throw headFailure;
        }
        try (Snapshot snapshot = Snapshot.open(path, startBytes, progress)) {
            return findings.report(snapshot.kind(), Scope.STRUCTURE, presentPages(bitmaps(snapshot)));
        } catch (StreamFormatException e) {
            structure(e);
            return findings.report(Snapshot.Kind.QEMU_STREAM, Scope.STRUCTURE, 0);
        }
    }

    private static List<PageBitmap> bitmaps(Snapshot snapshot) {
        List<PageBitmap> bitmaps = new ArrayList<>();
        for (int index = 0; index < snapshot.layout().blocks().size(); index++) {
            bitmaps.add(snapshot.present(index));
        }
        return bitmaps;
    }

    private VerificationReport structure(
            Optional<MappedRamHead> head, Optional<StreamFormatException> headFailure, TrailerReading trailer)
            throws IOException {
        headFailure.ifPresent(this::structure);
        long presentPages = 0;
        if (head.isPresent()) {
            List<PageBitmap> bitmaps = new ArrayList<>();
            for (MappedRamBlock block : head.get().layout().blocks()) {
                try {
                    bitmaps.add(MappedRamReader.readBitmap(file, block));
                } catch (StreamFormatException e) {
                    structure(e);
                }
            }
            presentPages = presentPages(bitmaps);
            if (presentPages == 0 && findings.isEmpty() && anyPageHoldsData(head.get())) {
                findings.add(new Damage.BitmapsNeverWritten(
                        head.get().layout().blocks().getFirst().header().bitmapOffsetBytes()));
            }
            try {
                MappedRamTail.read(file, head.get(), trailer.startBytes());
            } catch (StreamFormatException e) {
                structure(e);
            }
        }
        Snapshot.Kind kind = trailer.recognised() ? Snapshot.Kind.GODWIT : Snapshot.Kind.MAPPED_RAM;
        return findings.report(kind, Scope.STRUCTURE, presentPages);
    }

    private boolean anyPageHoldsData(MappedRamHead head) throws IOException {
        for (MappedRamBlock block : head.layout().blocks()) {
            if (ZeroRange.firstOther(file, block.header().pagesOffsetBytes(), block.pagesEndBytes()) >= 0) {
                return true;
            }
        }
        return false;
    }

    private VerificationReport everyByte(
            long startBytes,
            Optional<MappedRamHead> head,
            Optional<StreamFormatException> headFailure,
            TrailerReading reading,
            Trailer trailer)
            throws IOException, InterruptedException {
        PartCheck parts = new PartCheck(file, startBytes, trailer, findings);
        parts.run();
        if (!parts.headIsDamaged()) {
            headFailure.ifPresent(this::structure);
            if (head.isPresent() && !SnapshotOpener.sameBlocks(trailer, head.get())) {
                findings.add(new Damage.Structure(
                        "the trailer's block table is not that of the file's head", reading.startBytes()));
            }
        }
        if (findings.isEmpty() && !TrailerReader.rootIsRight(file, trailer, reading.endBytes())) {
            findings.add(new Damage.InTrailer("root", reading.endBytes()));
        }
        List<PageBitmap> bitmaps = new ArrayList<>();
        for (MappedRamBlock block : trailer.blocks()) {
            bitmaps.add(bitmap(block));
        }
        long presentPages = presentPages(bitmaps);
        progress.phase("verifying pages", presentPages * 4096);
        PageCheck check = new PageCheck(file, trailer, bitmaps, parts.bitmapIsRight(), findings, progress);
        TwoThreads.run("verify", check::run);
        return findings.report(Snapshot.Kind.GODWIT, Scope.EVERY_BYTE, presentPages);
    }

    private PageBitmap bitmap(MappedRamBlock block) throws IOException {
        try {
            return MappedRamReader.readBitmap(file, block);
        } catch (StreamFormatException _) {
            // bits past the end: the checksum of the bitmap has told so, and what it says is not used
            return new PageBitmap(block.block().pages());
        }
    }

    private static long presentPages(List<PageBitmap> bitmaps) {
        return bitmaps.stream().mapToLong(PageBitmap::setPages).sum();
    }

    private void structure(StreamFormatException e) {
        findings.add(new Damage.Structure(String.valueOf(e.getMessage()), e.positionBytes()));
    }
}
