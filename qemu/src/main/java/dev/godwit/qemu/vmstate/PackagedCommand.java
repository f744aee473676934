package dev.godwit.qemu.vmstate;

/** Recognises the commands that may stand in a postcopy package, qemu-migration specification section 3.1. */
final class PackagedCommand {

    /** {@code u8 type, u16 command, u16 length}. */
    static final int HEADER_BYTES = 5;

    static final int PING = 2;
    static final int LISTEN = 4;
    static final int RUN = 5;

    private PackagedCommand() {}

    /** {@return the command at an index, or -1 where it is none of a package, has another length, or is cut off} */
    static int at(byte[] bytes, int index, int limit) {
        if (limit - index < HEADER_BYTES || bytes[index] != 8) {
            return -1;
        }
        int command = (bytes[index + 1] & 0xff) << 8 | (bytes[index + 2] & 0xff);
        int legalBytes = command == PING ? 4 : command == LISTEN || command == RUN ? 0 : -1;
        boolean legal = payloadBytes(bytes, index) == legalBytes && limit - index - HEADER_BYTES >= legalBytes;
        return legal ? command : -1;
    }

    static int payloadBytes(byte[] bytes, int index) {
        return (bytes[index + 3] & 0xff) << 8 | (bytes[index + 4] & 0xff);
    }
}
