package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.FileStatus;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamReader;
import dev.godwit.qemu.mappedram.MappedRamTail;
import dev.godwit.ram.PageBitmap;
import dev.godwit.xen.XenFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Recognises what kind of snapshot a file is, by its content, and opens it. */
final class SnapshotOpener {

    private SnapshotOpener() {}

    static Snapshot open(Path path, long startBytes, StatedFormat stated, Progress progress) throws IOException {
        if (startBytes < 0) {
            throw new IllegalArgumentException("startBytes=" + startBytes);
        }
        if (Files.isDirectory(path)) {
            throw new IOException(path + " is a folder, not a snapshot");
        }
        OpenFile file = OpenFile.open(path);
        boolean opened = false;
        try {
            FileStatus status = file.status();
            SnapshotFile bytes = new SnapshotFile(file, status.lengthBytes());
            Snapshot snapshot = open(path, bytes, status, startBytes, stated, progress);
            opened = snapshot.file() == bytes;
            return snapshot;
        } finally {
            if (!opened) {
                file.close();
            }
        }
    }

    private static Snapshot open(
            Path path, SnapshotFile bytes, FileStatus status, long startBytes, StatedFormat stated, Progress progress)
            throws IOException {
        Optional<XenFormat> xen = XenImage.format(bytes, startBytes, stated);
        if (xen.isPresent()) {
            return XenImage.open(path, bytes, status, startBytes, xen.get(), stated, progress);
        }
        return MappedRamReader.isMappedRam(bytes, startBytes)
                ? openMappedRam(path, bytes, status, startBytes)
                : ClassicStream.open(path, bytes, status, startBytes, progress);
    }

    private static Snapshot openMappedRam(Path path, SnapshotFile file, FileStatus status, long startBytes)
            throws IOException {
        MappedRamHead head = MappedRamReader.readHead(file, startBytes);
        TrailerReading trailer = TrailerReader.read(file, OptionalLong.of(head.endBytes()));
        if (trailer.trailer().isPresent() && !sameBlocks(trailer.trailer().get(), head)) {
            throw new StreamFormatException(
                    trailer.startBytes(), "trailer", "the blocks that the file's head names", "others");
        }
        VmState state = trailer.trailer().isPresent()
                ? TrailerSections.read(file, head, trailer.trailer().get())
                : MappedRamTail.read(file, head, trailer.startBytes());
        List<PageBitmap> present = new ArrayList<>();
        for (MappedRamBlock block : head.layout().blocks()) {
            present.add(MappedRamReader.readBitmap(file, block));
        }
        Snapshot.Kind kind = trailer.recognised() ? Snapshot.Kind.GODWIT : Snapshot.Kind.MAPPED_RAM;
        return new Snapshot(path, kind, file, status, head, present, state, trailer, LaidOut.StreamReading.NOTHING);
    }

    static boolean sameBlocks(Trailer trailer, MappedRamHead head) {
        return trailer.blocks().equals(head.layout().blocks());
    }
}
