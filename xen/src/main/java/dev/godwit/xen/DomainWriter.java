package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Writes a domain that stands still in any of Xen's formats, in the form that Xen's own tools take. What a format has
 * no place for is refused by name ({@link DomainState#withoutPlaceIn}), never left out.
 */
public final class DomainWriter {

    private final ImageOutput output;

    /** A writer at the start of an output. */
    public DomainWriter(ImageOutput output) {
        this.output = output;
    }

    /**
     * Writes the domain.
     *
     * @param words of the formats before Xen 4.6
     * @throws IOException if the format has no place for something, with its name; if a frame cannot be read, or the
     *     output fails; the output then holds a part of the stream
     */
    public void write(DomainState state, FrameSource memory, XenFormat format, WordSize words) throws IOException {
        List<String> homeless = state.withoutPlaceIn(format);
        if (!homeless.isEmpty()) {
            throw new IOException("%s has no place for %s".formatted(name(format), String.join(", ", homeless)));
        }
        switch (format) {
            case V3 -> writeV3(state, memory);
            case LEGACY -> writeLegacy(state, memory, words);
            case SEED -> writeSeed(state, memory, words);
        }
        output.flush();
    }

    private static String name(XenFormat format) {
        return switch (format) {
            case V3 -> "the modern stream";
            case LEGACY -> "the legacy stream";
            case SEED -> "the stream of 2007";
        };
    }

    /** In a libxl stream where there is anything around it. */
    private void writeV3(DomainState state, FrameSource memory) throws IOException {
        SavedDomainWriter target = new SavedDomainWriter(output);
        boolean wrapped = state.xl().isPresent()
                || state.libxl().isPresent()
                || !state.emulators().isEmpty();
        if (wrapped) {
            if (state.xl().isPresent()) {
                XlHeader xl = state.xl().get();
                target.xl(new XlHeader(true, xl.json(), xl.content()));
            }
            target.libxl(state.libxl().orElse(new LibxlHeader(false)));
            target.libxcFollows();
        }
        ImageHeader header = state.header();
        new DomainImage(new ImageHeader(ImageHeader.VERSION_3, header.xenMajor(), header.xenMinor()), state.records())
                .write(memory, target);
        if (wrapped) {
            for (LibxlRecord emulator : state.emulators()) {
                target.libxlRecord(emulator);
            }
            target.libxlEnd();
        }
    }

    private void writeLegacy(DomainState state, FrameSource memory, WordSize words) throws IOException {
        SpecialFrames specials = state.specialFrames()
                .orElseThrow(() -> new IOException("the legacy stream names the frames of STORE, IOREQ and BUFIOREQ,"
                        + " and the domain's parameters do not"));
        checkFits(memory);
        if (state.xl().isPresent()) {
            XlHeader xl = state.xl().get();
            new XlHeader(false, xl.json(), xl.content()).write(output);
        }
        writeXend(state);
        new LegacyImage(state, specials, new LegacyWriter(output, words)).write(memory);
    }

    private void writeSeed(DomainState state, FrameSource memory, WordSize words) throws IOException {
        checkFits(memory);
        FrameSpace space = seedSpace(memory.frames());
        if (state.specialFrames().isPresent()
                && !space.specialFrames().equals(state.specialFrames().get())) {
            throw new IOException("the stream of 2007 has its special frames at %s, and the domain at %s"
                    .formatted(space.specialFrames(), state.specialFrames().get()));
        }
        for (MemorySegment context : state.vcpuContexts()) {
            if (context.byteSize() != words.vcpuContextBytes()) {
                throw new IOException(("the domain has contexts of vCPUs of %d bytes, and in words of %d bits they have"
                                + " %d: write the other width, or leave %s out")
                        .formatted(
                                context.byteSize(),
                                words.bytes() * 8,
                                words.vcpuContextBytes(),
                                DomainState.VCPU_CONTEXTS));
            }
        }
        writeXend(state);
        new SeedImage(state, space, new Hvm2007Writer(output, words)).write(memory);
    }

    private void writeXend(DomainState state) throws IOException {
        if (state.xend().isPresent()) {
            output.bytes(DomainReader.XEND);
            output.u32(Integer.reverseBytes((int) state.xend().get().byteSize()));
            output.bytes(state.xend().get());
        }
    }

    private static FrameSpace seedSpace(long frames) throws IOException {
        try {
            return new FrameSpace(frames - 1);
        } catch (IllegalArgumentException e) {
            throw new IOException("the stream of 2007 has memory behind the VGA hole, and the domain has none", e);
        }
    }

    private static void checkFits(FrameSource memory) throws IOException {
        if (memory.frames() > FrameSpace.MOST_FRAMES) {
            throw new IOException(
                    "formats before Xen 4.6 have frames below 2^28, and the domain has %d".formatted(memory.frames()));
        }
    }

    /** {@return the parameters of all records, the later ones over the earlier} */
    static SortedMap<Long, Long> params(DomainState state) {
        SortedMap<Long, Long> all = new TreeMap<>();
        for (StreamRecord record : state.records()) {
            if (record.type() == RecordType.HVM_PARAMS) {
                for (Map.Entry<Long, Long> param : record.params().entrySet()) {
                    all.put(param.getKey(), param.getValue());
                }
            }
        }
        return all;
    }
}
