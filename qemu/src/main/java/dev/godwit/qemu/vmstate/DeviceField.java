package dev.godwit.qemu.vmstate;

/**
 * A field of a device with what it holds.
 *
 * @param name as the description names it, with the index of an array's element; may repeat in one structure
 * @param type as the description names it; {@code subsection} for a subsection, whose name is then the field's
 * @param offsetBytes where it begins in the payload
 * @param lengthBytes in the payload
 * @param value what it holds
 */
public record DeviceField(String name, String type, int offsetBytes, int lengthBytes, FieldValue value) {

    @Override
    public String toString() {
        return name + "=" + value.text();
    }
}
