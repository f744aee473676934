package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The vmdescription: the JSON that lists every device section of a stream with the fields and lengths of its payload,
 * in stream order (qemu-migration specification section 1.6).
 *
 * @param pageSizeBytes the target page size that the source states, 0 where it states none
 * @param devices the FULL sections, those before RAM included
 */
public record VmDescription(int pageSizeBytes, List<Device> devices) {

    /** The longest vmdescription that is accepted; one of 100 KiB describes a usual machine with one vCPU. */
    public static final int MAX_LENGTH_BYTES = 32 << 20;

    /** Copies the list. */
    public VmDescription {
        devices = List.copyOf(devices);
    }

    /**
     * Reads a description.
     *
     * @param json the whole document, UTF-8
     * @param positionBytes where it stands in the stream, for the error
     * @throws StreamFormatException if it is no JSON of this shape, nests or repeats beyond any machine's need, or
     *     states lengths that no section can have
     */
    public static VmDescription parse(byte[] json, long positionBytes) throws StreamFormatException {
        return VmDescriptionReader.read(json, positionBytes);
    }

    /**
     * A device section.
     *
     * @param name the idstr of the section's header
     * @param instanceId as in the section's header, unsigned
     * @param state what the payload consists of; empty where the device is saved in the old style, as bytes that only
     *     it understands
     * @param payloadBytes how long the payload is
     */
    public record Device(String name, int instanceId, Optional<Struct> state, int payloadBytes) {}

    /**
     * A structure: a device, one that is nested in a field, or a subsection.
     *
     * @param name QEMU's name of the vmstate, for example {@code ide_bus/error}
     * @param versionId of the structure
     * @param fields in stream order
     * @param subsections those that were sent, in stream order; they follow the fields
     * @param lengthBytes of fields and subsections together
     */
    public record Struct(String name, int versionId, List<Field> fields, List<Struct> subsections, int lengthBytes) {

        /** Copies the lists. */
        public Struct {
            fields = List.copyOf(fields);
            subsections = List.copyOf(subsections);
        }
    }

    /**
     * A field, or an array of them that was judged uniform.
     *
     * @param name as the source's program names it; may repeat
     * @param index of an element that is described on its own; the last element carries none
     * @param elements how many follow each other under this description, 1 where it is no array
     * @param type the wire type, for example {@code uint32}, {@code buffer}
     * @param sizeBytes of one element, everything nested in it included
     * @param structs what is nested: none, one, or one for each element of a list
     */
    public record Field(
            String name, OptionalInt index, int elements, String type, int sizeBytes, List<Struct> structs) {

        /** Copies the list. */
        public Field {
            structs = List.copyOf(structs);
        }

        /** {@return the length of all elements together} Does not overflow: reading the description checked it. */
        public int totalBytes() {
            return elements * sizeBytes;
        }
    }
}
