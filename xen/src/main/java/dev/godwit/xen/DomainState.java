package dev.godwit.xen;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Everything of a saved domain but its frames, in the terms of the modern stream, whatever the format was: the chunks
 * and special frames of older ones are parameters here.
 *
 * @param header of the libxc stream; where there was none, one of {@link #XEN_4_17}
 * @param xl the header of {@code xl save}'s file, where there is one
 * @param xend the configuration in xend's envelope of 2007, where there is one; not to be written to
 * @param libxl the head of a libxl stream, where there is one
 * @param records all records but those for pages, their order and the end
 * @param emulators what device models have saved
 * @param chunks those of a legacy stream that no record stands for
 * @param vcpuContexts of the saver of 2007; not to be written to
 */
public record DomainState(
        ImageHeader header,
        Optional<XlHeader> xl,
        Optional<MemorySegment> xend,
        Optional<LibxlHeader> libxl,
        List<StreamRecord> records,
        List<LibxlRecord> emulators,
        List<LegacyPart> chunks,
        List<MemorySegment> vcpuContexts) {

    /** A header that says nothing but that the stream is of today's form. */
    public static final ImageHeader XEN_4_17 = new ImageHeader(ImageHeader.VERSION_3, 4, 17);

    /** The name by which {@link #without} knows the contexts of vCPUs. */
    public static final String VCPU_CONTEXTS = "VCPU_CONTEXTS";

    /** The name by which {@link #without} knows the configuration that {@code xl save} keeps. */
    public static final String XL_CONFIG = "XL_CONFIG";

    /** The name by which {@link #without} knows the configuration that xend kept. */
    public static final String XEND_CONFIG = "XEND_CONFIG";

    /**
     * A chunk of a legacy stream.
     *
     * @param chunk what it is
     * @param payload what follows its number; not to be written to
     */
    public record LegacyPart(LegacyChunk chunk, MemorySegment payload) {}

    /** Copies the lists. */
    public DomainState {
        records = List.copyOf(records);
        emulators = List.copyOf(emulators);
        chunks = List.copyOf(chunks);
        vcpuContexts = List.copyOf(vcpuContexts);
    }

    /** {@return a domain of today's form with some records and no wrapper} */
    public static DomainState of(List<StreamRecord> records) {
        return new DomainState(
                XEN_4_17,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                records,
                List.of(),
                List.of(),
                List.of());
    }

    /** {@return the same with what device models have saved} */
    public DomainState withEmulators(List<LibxlRecord> others) {
        return new DomainState(header, xl, xend, libxl, records, others, chunks, vcpuContexts);
    }

    /** {@return the last record of a kind} */
    public Optional<StreamRecord> record(RecordType type) {
        return records.reversed().stream().filter(one -> one.type() == type).findFirst();
    }

    /** {@return the value that a parameter has in the end; empty where none is set} */
    public OptionalLong param(long index) {
        OptionalLong value = OptionalLong.empty();
        for (StreamRecord record : records) {
            if (record.type() == RecordType.HVM_PARAMS) {
                OptionalLong here = record.param(index);
                value = here.isPresent() ? here : value;
            }
        }
        return value;
    }

    /** {@return the frames that are made anew, if the parameters name all three} */
    public Optional<SpecialFrames> specialFrames() {
        OptionalLong ioreq = param(StreamRecord.IOREQ_PFN);
        OptionalLong store = param(StreamRecord.STORE_PFN);
        OptionalLong bufioreq = param(StreamRecord.BUFIOREQ_PFN);
        return ioreq.isEmpty() || store.isEmpty() || bufioreq.isEmpty()
                ? Optional.empty()
                : Optional.of(new SpecialFrames(ioreq.getAsLong(), store.getAsLong(), bufioreq.getAsLong()));
    }

    /** {@return the names of what a format has no place for; {@link #without} leaves them out} */
    public List<String> withoutPlaceIn(XenFormat format) {
        List<String> names = new ArrayList<>();
        if (!vcpuContexts.isEmpty() && format != XenFormat.SEED) {
            names.add(VCPU_CONTEXTS);
        }
        if (xl.isPresent() && format == XenFormat.SEED) {
            names.add(XL_CONFIG);
        }
        if (xend.isPresent() && format == XenFormat.V3) {
            names.add(XEND_CONFIG);
        }
        if (format != XenFormat.LEGACY) {
            chunks.forEach(part -> names.add(part.chunk().name()));
        }
        if (format != XenFormat.V3) {
            Set<RecordType> places = format == XenFormat.LEGACY
                    ? EnumSet.of(RecordType.X86_TSC_INFO, RecordType.HVM_PARAMS, RecordType.HVM_CONTEXT)
                    : EnumSet.of(RecordType.HVM_PARAMS, RecordType.HVM_CONTEXT);
            records.stream()
                    .map(StreamRecord::type)
                    .filter(type -> !places.contains(type))
                    .forEach(type -> names.add(type.name()));
            emulators.stream()
                    .map(LibxlRecord::type)
                    .filter(type -> type != LibxlRecord.Type.EMULATOR_CONTEXT)
                    .forEach(type -> names.add(type.name()));
            records.stream()
                    .filter(record -> record.type() == RecordType.HVM_PARAMS)
                    .flatMapToLong(record -> record.params().keySet().stream().mapToLong(Long::longValue))
                    .filter(index -> !hasPlace(index, format))
                    .forEach(index -> names.add(paramName(index)));
        }
        return names.stream().distinct().toList();
    }

    private static boolean hasPlace(long index, XenFormat format) {
        return index == StreamRecord.STORE_PFN
                || index == StreamRecord.IOREQ_PFN
                || index == StreamRecord.BUFIOREQ_PFN
                || (format == XenFormat.LEGACY && LegacyChunk.ofParam(index).isPresent());
    }

    /** {@return the name by which {@link #without} knows a parameter} */
    private static String paramName(long index) {
        return "HVM_PARAM_" + Long.toUnsignedString(index);
    }

    /** {@return whether there is anything of a name that {@link #without} would leave out} */
    public boolean has(String name) {
        return !without(Set.of(name)).equals(this);
    }

    /** {@return the same without what has one of these names} */
    public DomainState without(Set<String> names) {
        List<StreamRecord> kept = new ArrayList<>();
        for (StreamRecord record : records) {
            if (record.type() == RecordType.HVM_PARAMS) {
                var params = record.params();
                boolean fewer = params.keySet().removeIf(index -> names.contains(paramName(index)));
                kept.add(fewer ? StreamRecord.hvmParams(params) : record);
            } else if (!names.contains(record.type().name())) {
                kept.add(record);
            }
        }
        return new DomainState(
                header,
                xl.filter(_ -> !names.contains(XL_CONFIG)),
                xend.filter(_ -> !names.contains(XEND_CONFIG)),
                libxl,
                kept,
                emulators.stream()
                        .filter(record -> !names.contains(record.type().name()))
                        .toList(),
                chunks.stream()
                        .filter(part -> !names.contains(part.chunk().name()))
                        .toList(),
                names.contains(VCPU_CONTEXTS) ? List.of() : vcpuContexts);
    }
}
