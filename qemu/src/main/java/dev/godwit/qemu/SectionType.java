package dev.godwit.qemu;

import java.util.Optional;

/** The type byte of a section, qemu-migration specification section 1.3. */
public enum SectionType {
    /** Ends this level of the stream; nothing follows the byte. */
    EOF(0x00),
    /** First section of an iterable (RAM, a dirty bitmap): full header, payload, footer. */
    START(0x01),
    /** A further section of an iterable: short header, payload, footer. */
    PART(0x02),
    /** The last section of an iterable: short header, payload, footer. */
    END(0x03),
    /** A device that is saved in one go: full header, payload, footer. */
    FULL(0x04),
    /** Inside a vmstate payload only. */
    SUBSECTION(0x05),
    /** The JSON that describes the device sections; after EOF only. */
    VMDESCRIPTION(0x06),
    /** Machine type and validated capabilities; directly after the header only. */
    CONFIGURATION(0x07),
    /** An instruction to the destination; no footer. */
    COMMAND(0x08),
    /** Ends a section and repeats its id. */
    FOOTER(0x7e);

    private static final SectionType[] BY_WIRE_BYTE = new SectionType[256];

    static {
        for (SectionType type : values()) {
            BY_WIRE_BYTE[type.wireByte] = type;
        }
    }

    private final int wireByte;

    SectionType(int wireByte) {
        this.wireByte = wireByte;
    }

    /** {@return the byte on the wire, 0 to 255} */
    public int wireByte() {
        return wireByte;
    }

    /** {@return the type of a byte, 0 to 255, if there is one} */
    public static Optional<SectionType> ofWireByte(int wireByte) {
        return Optional.ofNullable(BY_WIRE_BYTE[wireByte]);
    }
}
