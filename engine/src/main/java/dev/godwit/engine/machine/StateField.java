package dev.godwit.engine.machine;

/**
 * A field of a device's state as it stands in a migration stream.
 *
 * @param name the device's own, unique in the device
 * @param type the wire type in QEMU's words: {@code uint8}, {@code uint16}, {@code uint32}, {@code uint64},
 *     {@code int64}, {@code bool} or {@code buffer}; numbers are big-endian
 * @param content the bytes, not to be changed; at least one
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
public record StateField(String name, String type, byte[] content) {

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if name or content is empty
     */
    public StateField {
        if (name.isEmpty() || content.length == 0) {
            throw new IllegalArgumentException("name=%s, contentBytes=%d".formatted(name, content.length));
        }
    }
}
