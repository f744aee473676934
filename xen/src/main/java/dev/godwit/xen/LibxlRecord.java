package dev.godwit.xen;

import java.lang.foreign.MemorySegment;

/**
 * A record of a libxl stream that is about a device model (Xen migration specification section 3.5).
 *
 * @param type what it holds
 * @param emulator which device model: 0 unknown, 1 the traditional one, 2 QEMU
 * @param index which of them, unsigned 32 bits
 * @param content NUL-terminated keys and values in turn, or the device model's own file; not to be written to
 */
public record LibxlRecord(Type type, long emulator, long index, MemorySegment content) {

    /** The kinds of such records. */
    public enum Type {
        /** Keys and values of the device model's part of the store. */
        EMULATOR_XENSTORE_DATA(2),
        /** What the device model itself has saved. */
        EMULATOR_CONTEXT(3);

        private final int code;

        Type(int code) {
            this.code = code;
        }

        /** {@return the number in the stream} */
        public int code() {
            return code;
        }
    }
}
