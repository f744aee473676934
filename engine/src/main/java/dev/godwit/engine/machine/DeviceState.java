package dev.godwit.engine.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The state of one device: named fields in wire order, from which both the section and its description are written.
 *
 * @param idstr the device's name in the stream, for example {@code godwit/cpu}
 * @param instanceId tells devices of one name apart, from 0
 * @param versionId the version of the fields, from 1; a reader takes its own and older ones
 * @param fields in wire order
 */
public record DeviceState(String idstr, int instanceId, int versionId, List<StateField> fields) {

    /** Copies the list. */
    public DeviceState {
        fields = List.copyOf(fields);
    }

    /** {@return a builder of a device's fields} */
    public static Builder of(String idstr, int instanceId, int versionId) {
        return new Builder(idstr, instanceId, versionId);
    }

    /**
     * {@return this state, if its version can be read}
     *
     * @param newest the newest version that the caller knows
     * @throws IOException if it is newer
     */
    public DeviceState atMostVersion(int newest) throws IOException {
        if (versionId < 1 || versionId > newest) {
            throw new IOException("%s has state of version %d; this Godwit reads versions 1 to %d"
                    .formatted(idstr, versionId, newest));
        }
        return this;
    }

    /**
     * {@return a number, zero-extended but for {@code int64}}
     *
     * @param type the type that it must have
     * @throws IOException if the field is missing or of another type
     */
    public long number(String name, String type) throws IOException {
        byte[] content = content(name, type);
        long value = 0;
        for (byte one : content) {
            value = value << 8 | (one & 0xff);
        }
        return value;
    }

    /** {@return a field of type {@code uint32}} */
    public int uint32(String name) throws IOException {
        return (int) number(name, "uint32");
    }

    /** {@return a field of type {@code uint64}} */
    public long uint64(String name) throws IOException {
        return number(name, "uint64");
    }

    /**
     * {@return a field of type {@code buffer}, not to be changed}
     *
     * @param lengthBytes how long it must be, or -1 for any length
     * @throws IOException if the field is missing, of another type or length
     */
    public byte[] buffer(String name, int lengthBytes) throws IOException {
        byte[] content = content(name, "buffer");
        if (lengthBytes >= 0 && content.length != lengthBytes) {
            throw new IOException(
                    "%s: expected %d bytes in field %s, found %d".formatted(idstr, lengthBytes, name, content.length));
        }
        return content;
    }

    private byte[] content(String name, String type) throws IOException {
        for (StateField field : fields) {
            if (field.name().equals(name)) {
                int expectedBytes = wireBytes(type);
                if (!field.type().equals(type) || (expectedBytes > 0 && field.content().length != expectedBytes)) {
                    throw new IOException("%s: expected %s in field %s, found %s of %d bytes"
                            .formatted(idstr, type, name, field.type(), field.content().length));
                }
                return field.content();
            }
        }
        throw new IOException("%s: the saved state has no field %s".formatted(idstr, name));
    }

    private static int wireBytes(String type) {
        return switch (type) {
            case "uint8", "bool" -> 1;
            case "uint16" -> 2;
            case "uint32" -> 4;
            case "uint64", "int64" -> 8;
            default -> 0;
        };
    }

    /** Gathers the fields of a device in wire order. */
    public static final class Builder {

        private final String idstr;
        private final int instanceId;
        private final int versionId;
        private final List<StateField> fields = new ArrayList<>();

        private Builder(String idstr, int instanceId, int versionId) {
            this.idstr = idstr;
            this.instanceId = instanceId;
            this.versionId = versionId;
        }

        /** Adds a number of 8 bits. */
        public Builder uint8(String name, int value) {
            return add(name, "uint8", new byte[] {(byte) value});
        }

        /** Adds a number of 32 bits. */
        public Builder uint32(String name, int value) {
            return add(name, "uint32", ByteBuffer.allocate(4).putInt(value).array());
        }

        /** Adds a number of 64 bits. */
        public Builder uint64(String name, long value) {
            return add(name, "uint64", ByteBuffer.allocate(8).putLong(value).array());
        }

        /** Adds bytes; they belong to the state from now on. */
        public Builder buffer(String name, byte[] content) {
            return add(name, "buffer", content);
        }

        private Builder add(String name, String type, byte[] content) {
            fields.add(new StateField(name, type, content));
            return this;
        }

        /** {@return the state} */
        public DeviceState build() {
            return new DeviceState(idstr, instanceId, versionId, fields);
        }
    }
}
