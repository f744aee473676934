package dev.godwit.snapshot;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.qemu.vmstate.VmDescriptionWriter;
import dev.godwit.ram.PageBitmap;
import dev.godwit.xen.DomainState;
import dev.godwit.xen.ImageHeader;
import dev.godwit.xen.LegacyChunk;
import dev.godwit.xen.LibxlHeader;
import dev.godwit.xen.LibxlRecord;
import dev.godwit.xen.RecordType;
import dev.godwit.xen.StreamRecord;
import dev.godwit.xen.XlHeader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What Xen saved of a domain beside its frames, as sections like those of devices, so that every format with sections
 * keeps it. All are big-endian, described in the vmdescription, and named {@code xen/} and what they hold:
 *
 * <pre>
 *  0  u32  number    HEADER: version; XL_CONFIG: whether JSON; LIBXL: whether converted; EMULATOR_...: emulator; else 0
 *  4  u32  index     EMULATOR_...: index; else 0
 *  8       content   as it was in Xen's stream; HEADER: u32 major, u32 minor; FRAMES and ALLOCATED: runs of frames
 *                    that have content, and only memory: u64 first, u64 how many
 * </pre>
 */
public final class XenSections {

    private static final String PREFIX = "xen/";
    private static final String HEADER = "HEADER";
    private static final String LIBXL = "LIBXL";
    private static final String FRAMES = "FRAMES";
    private static final String ALLOCATED = "ALLOCATED";
    private static final String NUMBER = "number";
    private static final int FIRST_SECTION_ID = 2;

    private final DomainState state;
    private final List<DeviceState> devices = new ArrayList<>();

    private XenSections(DomainState state) {
        this.state = state;
    }

    /** {@return whether this is the state of a domain that Xen saved} */
    public static boolean isXen(VmState state) {
        return state.configuration().machineType().equals(MachineMemoryMap.XEN_HVM);
    }

    /**
     * {@return a domain's state as sections}
     *
     * @param content the frames that have content
     * @param allocated those that only have memory
     */
    static VmState write(DomainState state, PageBitmap content, PageBitmap allocated) {
        XenSections writer = new XenSections(state);
        writer.addWrappers();
        writer.addParts();
        writer.add(FRAMES, 0, 0, runs(content));
        writer.add(ALLOCATED, 0, 0, runs(allocated));
        Configuration configuration =
                new Configuration(MachineMemoryMap.XEN_HVM, OptionalInt.empty(), List.of(), Optional.empty());
        return new VmState(
                configuration,
                FIRST_SECTION_ID - 1,
                MachineSections.sections(writer.devices, FIRST_SECTION_ID),
                Optional.of(VmDescriptionWriter.write(configuration, writer.devices)));
    }

    private void addWrappers() {
        ImageHeader header = state.header();
        ByteBuffer versions =
                ByteBuffer.allocate(8).putInt((int) header.xenMajor()).putInt((int) header.xenMinor());
        add(HEADER, header.version(), 0, versions.array());
        state.xl().ifPresent(xl -> add(DomainState.XL_CONFIG, xl.json() ? 1 : 0, 0, bytes(xl.content())));
        state.xend().ifPresent(xend -> add(DomainState.XEND_CONFIG, 0, 0, bytes(xend)));
        state.libxl().ifPresent(libxl -> add(LIBXL, libxl.converted() ? 1 : 0, 0, new byte[0]));
    }

    private void addParts() {
        state.records().forEach(record -> add(record.type().name(), 0, 0, bytes(record.body())));
        state.chunks().forEach(part -> add(part.chunk().name(), 0, 0, bytes(part.payload())));
        state.emulators()
                .forEach(record -> add(
                        record.type().name(), (int) record.emulator(), (int) record.index(), bytes(record.content())));
        state.vcpuContexts().forEach(context -> add(DomainState.VCPU_CONTEXTS, 0, 0, bytes(context)));
    }

    private void add(String name, int number, int index, byte[] content) {
        String idstr = PREFIX + name.toLowerCase(Locale.ROOT).replace('_', '-');
        int instance = (int)
                devices.stream().filter(device -> device.idstr().equals(idstr)).count();
        DeviceState.Builder device =
                DeviceState.of(idstr, instance, 1).uint32(NUMBER, number).uint32("index", index);
        devices.add((content.length == 0 ? device : device.buffer("content", content)).build());
    }

    private static byte[] bytes(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_BYTE);
    }

    private static byte[] runs(PageBitmap frames) {
        List<Long> numbers = new ArrayList<>();
        for (long first = frames.nextSet(0); first >= 0; ) {
            long clear = frames.nextClear(first);
            long end = clear < 0 ? frames.pages() : clear;
            numbers.add(first);
            numbers.add(end - first);
            first = end < frames.pages() ? frames.nextSet(end) : -1;
        }
        ByteBuffer bytes = ByteBuffer.allocate(numbers.size() * 8);
        numbers.forEach(bytes::putLong);
        return bytes.array();
    }

    /**
     * A domain, put together again.
     *
     * @param state everything but its frames
     * @param content the frames that have content, as many bits as the block has pages
     * @param allocated those that only have memory
     */
    public record Domain(DomainState state, PageBitmap content, PageBitmap allocated) {}

    /**
     * {@return the domain that {@link #isXen} sections tell of}
     *
     * @param frames how many pages the block has
     * @throws IOException if a section is not one that Godwit writes
     */
    public static Domain read(VmState vmState, long frames) throws IOException {
        return new Reading(frames).read(vmState.sections());
    }

    /** One reading. */
    private static final class Reading {

        private final PageBitmap content;
        private final PageBitmap allocated;
        private final List<StreamRecord> records = new ArrayList<>();
        private final List<LibxlRecord> emulators = new ArrayList<>();
        private final List<DomainState.LegacyPart> chunks = new ArrayList<>();
        private final List<MemorySegment> vcpus = new ArrayList<>();
        private ImageHeader header = DomainState.XEN_4_17;
        private Optional<XlHeader> xl = Optional.empty();
        private Optional<MemorySegment> xend = Optional.empty();
        private Optional<LibxlHeader> libxl = Optional.empty();

        Reading(long frames) {
            content = new PageBitmap(frames);
            allocated = new PageBitmap(frames);
        }

        Domain read(List<Section> sections) throws IOException {
            for (Section section : sections) {
                if (!section.idstr().startsWith(PREFIX) || section.payload().length < 8) {
                    throw new IOException(
                            "a domain of Xen's has sections named xen/… only, and this one has " + section.name());
                }
                section(section);
            }
            DomainState state = new DomainState(header, xl, xend, libxl, records, emulators, chunks, vcpus);
            return new Domain(state, content, allocated);
        }

        private void section(Section section) throws IOException {
            ByteBuffer payload = ByteBuffer.wrap(section.payload());
            int number = payload.getInt();
            int index = payload.getInt();
            byte[] bytes = new byte[payload.remaining()];
            payload.get(bytes);
            MemorySegment kept = MemorySegment.ofArray(bytes).asReadOnly();
            String name = section.idstr()
                    .substring(PREFIX.length())
                    .toUpperCase(Locale.ROOT)
                    .replace('-', '_');
            switch (name) {
                case HEADER -> header = header(section, number, bytes);
                case DomainState.XL_CONFIG -> xl = Optional.of(new XlHeader(true, number != 0, kept));
                case DomainState.XEND_CONFIG -> xend = Optional.of(kept);
                case LIBXL -> libxl = Optional.of(new LibxlHeader(number != 0));
                case DomainState.VCPU_CONTEXTS -> vcpus.add(kept);
                case FRAMES -> mark(section, bytes, content);
                case ALLOCATED -> mark(section, bytes, allocated);
                default -> part(section, name, number, index, kept);
            }
        }

        private static ImageHeader header(Section section, int version, byte[] versions) throws IOException {
            if (versions.length != 8 || (version != ImageHeader.VERSION_2 && version != ImageHeader.VERSION_3)) {
                throw notOurs(section);
            }
            ByteBuffer numbers = ByteBuffer.wrap(versions);
            return new ImageHeader(
                    version, Integer.toUnsignedLong(numbers.getInt()), Integer.toUnsignedLong(numbers.getInt()));
        }

        private static void mark(Section section, byte[] runs, PageBitmap frames) throws IOException {
            ByteBuffer numbers = ByteBuffer.wrap(runs);
            while (numbers.remaining() >= 16) {
                long first = numbers.getLong();
                long count = numbers.getLong();
                if (first < 0 || count < 1 || first > frames.pages() - count) {
                    throw notOurs(section);
                }
                frames.set(first, count);
            }
        }

        private void part(Section section, String name, int number, int index, MemorySegment bytes) throws IOException {
            for (RecordType type : RecordType.values()) {
                if (type.name().equals(name) && !isChunk(name)) {
                    records.add(new StreamRecord(type, bytes));
                    return;
                }
            }
            for (LibxlRecord.Type type : LibxlRecord.Type.values()) {
                if (type.name().equals(name)) {
                    emulators.add(new LibxlRecord(
                            type, Integer.toUnsignedLong(number), Integer.toUnsignedLong(index), bytes));
                    return;
                }
            }
            if (!isChunk(name)) {
                throw notOurs(section);
            }
            chunks.add(new DomainState.LegacyPart(LegacyChunk.valueOf(name), bytes));
        }

        /** TOOLSTACK is the name of a record too, which no reader takes. */
        private static boolean isChunk(String name) {
            return name.equals(LegacyChunk.VCPU_MAP.name()) || name.equals(LegacyChunk.TOOLSTACK.name());
        }

        private static IOException notOurs(Section section) {
            return new IOException("section " + section.name() + " is not one that Godwit wrote of a domain of Xen's");
        }
    }
}
