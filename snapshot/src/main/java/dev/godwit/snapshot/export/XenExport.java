package dev.godwit.snapshot.export;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.snapshot.GuestFrames;
import dev.godwit.snapshot.SideStream;
import dev.godwit.snapshot.StatedFormat;
import dev.godwit.snapshot.XenSections;
import dev.godwit.xen.DomainState;
import dev.godwit.xen.DomainWriter;
import dev.godwit.xen.FrameMap;
import dev.godwit.xen.FrameSpace;
import dev.godwit.xen.ImageOutput;
import dev.godwit.xen.SpecialFrames;
import dev.godwit.xen.StreamRecord;
import dev.godwit.xen.WordSize;
import dev.godwit.xen.XenFormat;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Writes a guest in a format of Xen's. A domain that Xen saved is written as what it was. Another guest's RAM is told
 * in frames; what Xen's formats have no place for, its devices and the RAM that no frame shows, goes into the part of
 * the device model ({@link SideStream}), from which Godwit makes the same guest again. Xen itself cannot run it: the
 * HVM context is empty.
 */
public final class XenExport {

    /** Where today's builder of domains has them: where no guest has RAM. */
    private static final SpecialFrames SPECIALS = new SpecialFrames(0xFEFFD, 0xFEFFC, 0xFEFFB);

    private final StatedFormat format;
    private final XenFormat xen;
    private final Set<String> left;
    private final Progress progress;

    /**
     * An export.
     *
     * @param format one of Xen's
     * @param left names of what is to be left out of a domain that Xen saved ({@link DomainState#withoutPlaceIn})
     * @throws IllegalArgumentException if the format is not Xen's
     */
    public XenExport(StatedFormat format, Set<String> left, Progress progress) {
        this.format = format;
        this.xen = format.xen().orElseThrow(() -> new IllegalArgumentException(format.word()));
        this.left = Set.copyOf(left);
        this.progress = progress;
    }

    /**
     * {@return the names of what the format has no place for, before anything is left out}
     *
     * @throws IOException if it is a domain that Xen saved, and not as Godwit writes it
     */
    public List<String> withoutPlace(RamSource ram, VmState state) throws IOException {
        return XenSections.isXen(state)
                ? XenSections.read(state, ram.layout().block(0).pages()).state().withoutPlaceIn(xen)
                : List.of();
    }

    /**
     * Writes the guest.
     *
     * @throws IOException if the format has no place for something, with its name; if RAM cannot be read or the channel
     *     fails; part of it may be written
     */
    public void write(RamSource ram, VmState state, WritableByteChannel target) throws IOException {
        DomainWriter writer = new DomainWriter(new ImageOutput(target));
        progress.phase("writing " + format.word(), ram.layout().totalBytes());
        if (XenSections.isXen(state)) {
            writeDomain(ram, state, writer);
        } else {
            if (!left.isEmpty()) {
                throw new IOException(
                        "nothing has to be left out of a guest that is no domain of Xen's: " + String.join(", ", left));
            }
            writeGuest(ram, state, writer);
        }
    }

    private WordSize words() {
        return format.words().orElse(WordSize.BITS_64);
    }

    private void writeDomain(RamSource ram, VmState state, DomainWriter writer) throws IOException {
        long pages = ram.layout().block(0).pages();
        XenSections.Domain domain = XenSections.read(state, pages);
        for (String name : left) {
            if (!domain.state().has(name)) {
                throw new IOException("the domain has nothing that is called " + name);
            }
        }
        FrameMap map = new FrameMap(List.of(new FrameMap.Window(0, 0, 0, pages)));
        PageBitmap content = domain.content();
        PageBitmap allocated = domain.allocated();
        FrameReads.Presence presence = new FrameReads.Presence() {
            @Override
            public boolean exists(long frame) {
                return content.get(frame) || allocated.get(frame);
            }

            @Override
            public boolean hasContent(long frame) {
                return content.get(frame);
            }
        };
        try (FrameReads frames = new FrameReads(ram, map, pages, presence, progress)) {
            writer.write(domain.state().without(left), frames, xen, words());
        }
    }

    private void writeGuest(RamSource ram, VmState state, DomainWriter writer) throws IOException {
        FrameMap all = GuestFrames.of(state.configuration().machineType(), ram.layout());
        SpecialFrames specials = xen == XenFormat.SEED ? checkedSeed(all).specialFrames() : SPECIALS;
        FrameMap map = all.withoutSpecialFrames(specials);
        Map<Long, Long> params = Map.of(
                StreamRecord.IOREQ_PFN, specials.ioreq(),
                StreamRecord.STORE_PFN, specials.store(),
                StreamRecord.BUFIOREQ_PFN, specials.bufioreq());
        DomainState domain = DomainState.of(
                        List.of(StreamRecord.hvmParams(new TreeMap<>(params)), StreamRecord.emptyHvmContext()))
                .withEmulators(List.of(SideStream.record(SideStream.write(ram, state, map))));
        FrameReads.Presence presence = new FrameReads.Presence() {
            @Override
            public boolean exists(long frame) {
                return hasContent(frame)
                        || frame == specials.ioreq()
                        || frame == specials.store()
                        || frame == specials.bufioreq();
            }

            @Override
            public boolean hasContent(long frame) {
                return map.block(frame) >= 0;
            }
        };
        long frames = Math.max(all.frames(), specials.ioreq() + 1);
        try (FrameReads reads = new FrameReads(ram, map, frames, presence, progress)) {
            writer.write(domain, reads, xen, words());
        }
    }

    /** The restorer of 2007 knows the layout by one number: RAM without a gap up to 0xf0000000, then from 4 GiB on. */
    private static FrameSpace checkedSeed(FrameMap all) throws IOException {
        FrameSpace space;
        try {
            space = new FrameSpace(all.frames() - 1);
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "a guest of %d KiB has no memory behind the VGA hole, as the stream of 2007 needs it"
                            .formatted(all.frames() * Page.SIZE_BYTES / 1024),
                    e);
        }
        for (long frame = 0; frame < space.frames(); frame++) {
            if (!space.isHole(frame) && all.block(frame) < 0) {
                throw new IOException(
                        "the guest has no memory at frame 0x%x, where the stream of 2007 has it: its".formatted(frame)
                                + " restorer knows memory up to 0xf0000000 and from 4 GiB on; xen-v3 and xen-legacy can tell it");
            }
        }
        return space;
    }
}
