package dev.godwit.qemu.vmstate;

import dev.godwit.qemu.vmstate.VmDescription.Field;
import dev.godwit.qemu.vmstate.VmDescription.Struct;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads the fields of one payload by their description. What the description does not fit is left opaque, so every
 * payload of the described length can be read; the number of values is bounded.
 */
final class FieldDecoder {

    private static final int MAX_VALUES = 1 << 20;
    private static final int SUBSECTION = 0x05;

    private final byte[] payload;
    private int values;

    FieldDecoder(byte[] payload) {
        this.payload = payload;
    }

    /** {@return the fields of a structure and its subsections} The caller has checked that its length is there. */
    List<DeviceField> struct(Struct struct, int start) {
        List<DeviceField> decoded = new ArrayList<>();
        int at = start;
        String lastName = "";
        int lastIndex = -1;
        for (Field field : struct.fields()) {
            // The last element of an array carries no index; its name is that of the element before.
            boolean continues =
                    lastIndex >= 0 && field.index().isEmpty() && field.name().equals(lastName);
            int index = continues ? lastIndex + 1 : field.index().orElse(-1);
            String name = index < 0 ? field.name() : field.name() + "[" + index + "]";
            decoded.add(new DeviceField(name, field.type(), at, field.totalBytes(), value(field, at)));
            lastName = field.name();
            lastIndex = field.index().orElse(-1);
            at += field.totalBytes();
        }
        for (Struct subsection : struct.subsections()) {
            int headerBytes = subsectionHeaderBytes(subsection);
            int lengthBytes = headerBytes + subsection.lengthBytes();
            FieldValue value = isSubsection(subsection, at)
                    ? new FieldValue.Nested(struct(subsection, at + headerBytes))
                    : opaque(at, lengthBytes);
            decoded.add(new DeviceField(subsection.name(), "subsection", at, lengthBytes, value));
            at += lengthBytes;
        }
        return decoded;
    }

    private static int subsectionHeaderBytes(Struct subsection) {
        return 1 + 1 + subsection.name().getBytes(StandardCharsets.UTF_8).length + 4;
    }

    private boolean isSubsection(Struct subsection, int at) {
        byte[] name = subsection.name().getBytes(StandardCharsets.UTF_8);
        return payload[at] == SUBSECTION
                && (payload[at + 1] & 0xff) == name.length
                && Arrays.equals(payload, at + 2, at + 2 + name.length, name, 0, name.length)
                && FullHeader.int32(payload, at + 2 + name.length) == subsection.versionId();
    }

    private FieldValue value(Field field, int at) {
        int elements = field.elements();
        if (elements == 1) {
            return element(field, at);
        }
        boolean bytes = field.sizeBytes() <= 1 && field.structs().isEmpty();
        if (bytes || field.sizeBytes() == 0 || elements > MAX_VALUES - values) {
            return opaque(at, field.totalBytes());
        }
        List<FieldValue> list = new ArrayList<>(elements);
        for (int i = 0; i < elements; i++) {
            list.add(element(field, at + i * field.sizeBytes()));
        }
        return new FieldValue.Elements(list);
    }

    private FieldValue element(Field field, int at) {
        int sizeBytes = field.sizeBytes();
        values++;
        if (field.structs().size() == 1) {
            Struct struct = field.structs().getFirst();
            boolean fits = struct.lengthBytes() == sizeBytes && !isList(field.type()) && values < MAX_VALUES;
            return fits ? new FieldValue.Nested(struct(struct, at)) : opaque(at, sizeBytes);
        }
        boolean whole = sizeBytes == 1 || sizeBytes == 2 || sizeBytes == 4 || sizeBytes == 8;
        String type = field.type();
        if (whole && (type.startsWith("int") || type.equals("timer"))) {
            return new FieldValue.Whole(signed(at, sizeBytes), true);
        }
        if (whole && type.startsWith("uint")) {
            int shift = 64 - 8 * sizeBytes;
            return new FieldValue.Whole(signed(at, sizeBytes) << shift >>> shift, false);
        }
        if (sizeBytes == 1 && type.equals("bool")) {
            return new FieldValue.Flag(payload[at] != 0);
        }
        if (sizeBytes == 8 && type.equals("CPU_Double_U")) {
            return new FieldValue.FloatingPoint(Double.longBitsToDouble(signed(at, sizeBytes)));
        }
        return opaque(at, sizeBytes);
    }

    private static boolean isList(String type) {
        return type.equals("qtailq") || type.equals("qlist") || type.equals("gtree");
    }

    private long signed(int at, int sizeBytes) {
        long value = payload[at];
        for (int i = 1; i < sizeBytes; i++) {
            value = value << 8 | (payload[at + i] & 0xff);
        }
        return value;
    }

    private FieldValue opaque(int at, int lengthBytes) {
        values++;
        return new FieldValue.Opaque(Arrays.copyOfRange(payload, at, at + lengthBytes));
    }
}
