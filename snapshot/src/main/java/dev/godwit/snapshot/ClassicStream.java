package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.linux.FileStatus;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Makes a classic stream readable anywhere: its pages are laid out in a file that has no name, beside the stream where
 * that can be, so that it is gone when it is closed, or when this process ends in whatever way.
 */
final class ClassicStream {

    private ClassicStream() {}

    static Snapshot open(Path path, SnapshotFile stream, FileStatus status, long startBytes, Progress progress)
            throws IOException {
        try (SnapshotWriter writer = beside(path)) {
            VmState state = IncomingMigration.from(new ByteInput(channel(stream, startBytes), startBytes))
                    .progress(progress)
                    .into(writer);
            MappedRamLayout layout = writer.finishPages();
            OpenFile pages = writer.handOver();
            SnapshotFile file = new SnapshotFile(pages, pages.status().lengthBytes());
            return new Snapshot(
                    path,
                    Snapshot.Kind.QEMU_STREAM,
                    file,
                    status,
                    new MappedRamHead(state.configuration(), state.ramSectionId(), 0, layout),
                    writer.present(),
                    state,
                    TrailerReading.none(status.lengthBytes()));
        }
    }

    /** The folder of the stream has room for it where it can be written; that for temporary files may be in memory. */
    private static SnapshotWriter beside(Path path) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null && Files.isWritable(folder)) {
            try {
                return SnapshotWriter.nameless(folder);
            } catch (LinuxException e) {
                System.getLogger(ClassicStream.class.getName())
                        .log(System.Logger.Level.DEBUG, "no nameless file in " + folder, e);
            }
        }
        return SnapshotWriter.nameless(Path.of(System.getProperty("java.io.tmpdir")));
    }

    private static ReadableByteChannel channel(SnapshotFile file, long startBytes) {
        return new ReadableByteChannel() {
            private long next = startBytes;

            @Override
            public int read(ByteBuffer target) throws IOException {
                int length = (int) file.read(next, MemorySegment.ofBuffer(target));
                next += length;
                target.position(target.position() + length);
                return length == 0 && target.hasRemaining() ? -1 : length;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };
    }
}
