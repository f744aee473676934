package dev.godwit.qemu;

/**
 * What opens a section, qemu-migration specification section 1.3.
 *
 * <pre>
 * START, FULL: u8 type, u32 section id, counted string idstr, u32 instance id, u32 version id
 * PART, END:   u8 type, u32 section id
 * footer:      u8 0x7e, u32 section id
 * </pre>
 *
 * @param type START, PART, END or FULL
 * @param sectionId unsigned 32 bit
 * @param idstr the handler's name; of PART and END that of their START, as are the next two
 * @param instanceId unsigned 32 bit
 * @param versionId unsigned 32 bit
 */
public record SectionHeader(SectionType type, int sectionId, String idstr, int instanceId, int versionId) {

    /** The idstr of RAM. */
    public static final String RAM = "ram";

    /** The only version of RAM's sections. */
    public static final int RAM_VERSION = 4;

    /** {@return the same for another section of this iterable} */
    public SectionHeader as(SectionType other) {
        return new SectionHeader(other, sectionId, idstr, instanceId, versionId);
    }

    /** {@return how errors name the section, for example {@code ram PART}} */
    public String describe() {
        return idstr + " " + type;
    }
}
