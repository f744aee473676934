package dev.godwit.qemu;

/**
 * A section that is not RAM, carried as it came: a device's state, or a part of another iterable such as a dirty
 * bitmap.
 *
 * @param type START, PART, END or FULL
 * @param sectionId the id that header and footer carry, unsigned 32 bit
 * @param idstr the handler's name, for example {@code 0000:00:01.1/ide}; of PART and END that of their START
 * @param instanceId tells handlers with one idstr apart, unsigned 32 bit
 * @param versionId the version of the payload, unsigned 32 bit
 * @param payload what stands between header and footer; owned by this record, not to be changed
 * @param setup whether it came before RAM was complete (an early device such as {@code virtio-mem-device-early}, or the
 *     START of an iterable)
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
public record Section(
        SectionType type, int sectionId, String idstr, int instanceId, int versionId, byte[] payload, boolean setup) {

    /** {@return idstr and instance, as people name a device} */
    public String name() {
        return instanceId == 0 ? idstr : idstr + "#" + Integer.toUnsignedString(instanceId);
    }
}
