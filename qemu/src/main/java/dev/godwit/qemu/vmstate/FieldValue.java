package dev.godwit.qemu.vmstate;

import java.util.HexFormat;
import java.util.List;

/** What a field of a device holds, as far as its type tells. */
public sealed interface FieldValue {

    /** {@return the value as people read it; of what is composed, the parts in brackets} */
    String text();

    /**
     * An integer, or the nanoseconds of a timer.
     *
     * @param value sign-extended where it is signed; all 64 bits count where it is not
     * @param signed whether the type has negative values
     */
    record Whole(long value, boolean signed) implements FieldValue {
        @Override
        public String text() {
            return signed ? Long.toString(value) : Long.toUnsignedString(value);
        }
    }

    /** A truth value. */
    record Flag(boolean value) implements FieldValue {
        @Override
        public String text() {
            return Boolean.toString(value);
        }
    }

    /** A floating-point number of 64 bits. */
    record FloatingPoint(double value) implements FieldValue {
        @Override
        public String text() {
            return Double.toString(value);
        }
    }

    /**
     * Bytes that only the device understands, or that nothing describes further.
     *
     * @param bytes not to be changed
     */
    @SuppressWarnings("ArrayRecordComponent") // carried, never compared
    record Opaque(byte[] bytes) implements FieldValue {
        /** {@return the bytes in hexadecimal} */
        @Override
        public String text() {
            return HexFormat.of().formatHex(bytes);
        }
    }

    /** A structure; its subsections follow its fields. */
    record Nested(List<DeviceField> fields) implements FieldValue {
        /** Copies the list. */
        public Nested {
            fields = List.copyOf(fields);
        }

        @Override
        public String text() {
            return fields.toString();
        }
    }

    /** The elements of an array that is described once for all. */
    record Elements(List<FieldValue> values) implements FieldValue {
        /** Copies the list. */
        public Elements {
            values = List.copyOf(values);
        }

        @Override
        public String text() {
            return values.stream().map(FieldValue::text).toList().toString();
        }
    }
}
