package dev.godwit.snapshot;

import dev.godwit.linux.FileStatus;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.LongConsumer;

/** A stream whose pages come in any order, laid out in a file without a name so that each can be read at once. */
final class LaidOut {

    private LaidOut() {}

    /** The folder of the stream has room for it where it can be written; that for temporary files may be in memory. */
    static SnapshotWriter beside(Path path) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null && Files.isWritable(folder)) {
            try {
                return SnapshotWriter.nameless(folder);
            } catch (LinuxException e) {
                System.getLogger(LaidOut.class.getName())
                        .log(System.Logger.Level.DEBUG, "no nameless file in " + folder, e);
            }
        }
        return SnapshotWriter.nameless(Path.of(System.getProperty("java.io.tmpdir")));
    }

    /**
     * {@return what was laid out as a snapshot}
     *
     * @param path of the stream
     * @param kind of the stream
     * @param writer has all pages
     * @param status of the stream's file
     * @param reading what is to be said of the stream
     */
    static Snapshot snapshot(
            Path path,
            Snapshot.Kind kind,
            SnapshotWriter writer,
            FileStatus status,
            VmState state,
            StreamReading reading)
            throws IOException {
        MappedRamLayout layout = writer.finishPages();
        OpenFile pages = writer.handOver();
        SnapshotFile file = new SnapshotFile(pages, pages.status().lengthBytes());
        return new Snapshot(
                path,
                kind,
                file,
                status,
                new MappedRamHead(state.configuration(), state.ramSectionId(), 0, layout),
                writer.present(),
                state,
                TrailerReading.none(status.lengthBytes()),
                reading);
    }

    /**
     * What is to be said of a stream beside what is in it.
     *
     * @param remarks for people, each with a name
     * @param damages pages that do not compare equal with what was sent before
     */
    record StreamReading(List<Snapshot.Remark> remarks, List<Damage> damages) {

        static final StreamReading NOTHING = new StreamReading(List.of(), List.of());

        StreamReading {
            remarks = List.copyOf(remarks);
            damages = List.copyOf(damages);
        }
    }

    /** {@return the file from a position on} */
    static ReadableByteChannel channel(SnapshotFile file, long startBytes, LongConsumer readBytes) {
        return new ReadableByteChannel() {
            private long next = startBytes;

            @Override
            public int read(ByteBuffer target) throws IOException {
                int length = (int) file.read(next, MemorySegment.ofBuffer(target));
                next += length;
                readBytes.accept(length);
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
