package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.linux.FileStatus;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.xen.DomainReader;
import dev.godwit.xen.FrameMap;
import dev.godwit.xen.ImageInput;
import dev.godwit.xen.XenFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Opens a domain that Xen saved, or that Godwit wrote as if it had. It is read twice: once for what the domain is, once
 * for its frames. A domain of Xen's becomes one block with its holes, a guest of another machine what it was.
 */
final class XenImage {

    private final Path path;
    private final SnapshotFile file;
    private final long startBytes;
    private final XenFormat format;
    private final StatedFormat stated;
    private final Progress progress;

    private XenImage(
            Path path, SnapshotFile file, long startBytes, XenFormat format, StatedFormat stated, Progress progress) {
        this.path = path;
        this.file = file;
        this.startBytes = startBytes;
        this.format = format;
        this.stated = stated;
        this.progress = progress;
    }

    /** {@return which of Xen's formats a file has, by what was said or by its content} */
    static Optional<XenFormat> format(SnapshotFile file, long startBytes, StatedFormat stated) throws IOException {
        return stated.xen().isPresent()
                ? stated.xen()
                : DomainReader.recognise(new ImageInput(LaidOut.channel(file, startBytes, _ -> {}), startBytes));
    }

    static Snapshot.Kind kind(XenFormat format) {
        return switch (format) {
            case V3 -> Snapshot.Kind.XEN_V3;
            case LEGACY -> Snapshot.Kind.XEN_LEGACY;
            case SEED -> Snapshot.Kind.XEN_SEED;
        };
    }

    static Snapshot open(
            Path path,
            SnapshotFile file,
            FileStatus status,
            long startBytes,
            XenFormat format,
            StatedFormat stated,
            Progress progress)
            throws IOException {
        return new XenImage(path, file, startBytes, format, stated, progress).open(status);
    }

    private Snapshot open(FileStatus status) throws IOException {
        FrameCensus census = new FrameCensus();
        progress.phase("looking at the domain", file.lengthBytes() - startBytes);
        DomainReader.Read domain = new DomainReader(input(), census).read(format, stated.words());
        try (SnapshotWriter writer = LaidOut.beside(path)) {
            Optional<byte[]> side = SideStream.find(domain.state());
            Placed placed = side.isPresent() ? guest(side.get(), census, writer) : domain(domain, census, writer);
            ImageInput input = input();
            FramePlacer placer = new FramePlacer(input, placed.layout, placed.map, placed.lane);
            progress.phase("reading its frames", file.lengthBytes() - startBytes);
            new DomainReader(input, placer).read(format, stated.words());
            List<Snapshot.Remark> remarks = new ArrayList<>();
            domain.words()
                    .ifPresent(words -> remarks.add(new Snapshot.Remark(
                            "words",
                            "%d bits%s"
                                    .formatted(
                                            words.bytes() * 8,
                                            stated.words().isPresent() ? "" : ", guessed from the first bytes"))));
            return LaidOut.snapshot(
                    path,
                    kind(format),
                    writer,
                    status,
                    placed.state,
                    new LaidOut.StreamReading(remarks, placer.mismatches()));
        }
    }

    private ImageInput input() {
        return new ImageInput(LaidOut.channel(file, startBytes, progress::advance), startBytes);
    }

    /** Where the frames go, and what comes with them. */
    private record Placed(RamLayout layout, FrameMap map, PageLane lane, VmState state) {}

    private static Placed domain(DomainReader.Read domain, FrameCensus census, SnapshotWriter writer)
            throws IOException {
        if (census.frames() > RamBlock.MAX_LENGTH_BYTES / Page.SIZE_BYTES) {
            throw new IOException("frame 0x%x is beyond what a guest can have".formatted(census.frames() - 1));
        }
        RamLayout layout =
                new RamLayout(List.of(new RamBlock(MachineMemoryMap.XEN_RAM, census.frames() * Page.SIZE_BYTES)));
        writer.begin(layout);
        return new Placed(
                layout,
                new FrameMap(List.of(new FrameMap.Window(0, 0, 0, census.frames()))),
                writer.lane(),
                XenSections.write(domain.state(), census.contentFrames(), census.allocatedFrames()));
    }

    /** The pages without a frame first; they come with zeros in place of the others. */
    private static Placed guest(byte[] side, FrameCensus census, SnapshotWriter writer) throws IOException {
        NotedSink sink = new NotedSink(writer);
        VmState state = IncomingMigration.from(ByteInput.of(side)).into(sink);
        FrameMap map = GuestFrames.of(state.configuration().machineType(), sink.layout);
        for (FrameMap.Window window : map.windows()) {
            for (long frame = window.firstFrame(); frame < window.firstFrame() + window.pages(); frame++) {
                if (!census.hasContent(frame) && !census.isAllocated(frame)) {
                    throw new StreamFormatException(
                            0, "pages", "every frame of the guest", "none for frame 0x%x".formatted(frame));
                }
            }
        }
        return new Placed(sink.layout, map, writer.lane(), state);
    }

    /** A sink that says what it was begun with. */
    private static final class NotedSink implements RamSink {

        private final RamSink sink;
        private RamLayout layout = new RamLayout(List.of());

        NotedSink(RamSink sink) {
            this.sink = sink;
        }

        @Override
        public void begin(RamLayout blocks) throws IOException {
            layout = blocks;
            sink.begin(blocks);
        }

        @Override
        public PageLane lane() {
            return sink.lane();
        }
    }
}
