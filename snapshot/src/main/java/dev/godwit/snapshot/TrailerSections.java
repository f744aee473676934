package dev.godwit.snapshot;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamTail;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Splits the sections of a snapshot by the places that its trailer keeps: exact also where nothing describes them. */
final class TrailerSections {

    private static final int FOOTER_BYTES = 5;
    private static final int VMDESCRIPTION_HEADER_BYTES = 5;

    private final SnapshotFile file;
    private final Map<Integer, Section> started = new HashMap<>();
    private final List<Section> sections = new ArrayList<>();
    private Optional<byte[]> vmdescription = Optional.empty();
    private int ramEnds;

    private TrailerSections(SnapshotFile file) {
        this.file = file;
    }

    static VmState read(SnapshotFile file, MappedRamHead head, Trailer trailer) throws IOException {
        TrailerSections reader = new TrailerSections(file);
        for (FilePart part : trailer.parts()) {
            reader.part(part);
        }
        return new VmState(head.configuration(), head.ramSectionId(), reader.sections, reader.vmdescription);
    }

    private void part(FilePart part) throws IOException {
        switch (part.kind()) {
            case RAM_END -> ramEnds++;
            case DEVICE -> {
                try {
                    sections.add(section(part));
                } catch (BufferUnderflowException _) {
                    throw notWhole(part);
                }
            }
            case VMDESCRIPTION -> {
                ByteBuffer bytes = bytes(part);
                if (bytes.remaining() < VMDESCRIPTION_HEADER_BYTES
                        || bytes.get() != SectionType.VMDESCRIPTION.wireByte()
                        || bytes.getInt() != bytes.remaining()) {
                    throw notWhole(part);
                }
                byte[] json = new byte[bytes.remaining()];
                bytes.get(json);
                vmdescription = Optional.of(json);
            }
            case HEAD, BLOCK_ENTRY, BITMAP, EOF -> {}
        }
    }

    private Section section(FilePart part) throws IOException {
        ByteBuffer bytes = bytes(part);
        int wireByte = bytes.get() & 0xff;
        SectionType type = SectionType.ofWireByte(wireByte).orElseThrow(() -> notWhole(part));
        int id = bytes.getInt();
        Section names;
        if (type == SectionType.START || type == SectionType.FULL) {
            byte[] idstr = new byte[bytes.get() & 0xff];
            bytes.get(idstr);
            names = new Section(
                    type,
                    id,
                    new String(idstr, StandardCharsets.UTF_8),
                    bytes.getInt(),
                    bytes.getInt(),
                    new byte[0],
                    false);
            if (type == SectionType.START) {
                started.put(id, names);
            }
        } else {
            names = started.get(id);
            if (names == null || (type != SectionType.PART && type != SectionType.END)) {
                throw notWhole(part);
            }
        }
        int payloadBytes = bytes.remaining() - FOOTER_BYTES;
        if (payloadBytes < 0) {
            throw notWhole(part);
        }
        byte[] payload = new byte[payloadBytes];
        bytes.get(payload);
        if (bytes.get() != SectionType.FOOTER.wireByte() || bytes.getInt() != id) {
            throw notWhole(part);
        }
        return new Section(type, id, names.idstr(), names.instanceId(), names.versionId(), payload, ramEnds < 2);
    }

    private ByteBuffer bytes(FilePart part) throws IOException {
        if (part.lengthBytes() > MappedRamTail.MAX_LENGTH_BYTES) {
            throw notWhole(part);
        }
        return file.bytes(part.positionBytes(), (int) part.lengthBytes(), part.name());
    }

    private static StreamFormatException notWhole(FilePart part) {
        return new StreamFormatException(
                part.positionBytes(),
                part.name(),
                "a whole section of " + part.lengthBytes() + " bytes",
                "something else");
    }
}
