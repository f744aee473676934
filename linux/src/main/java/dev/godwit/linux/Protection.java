package dev.godwit.linux;

import dev.godwit.linux.calls.MappingCalls;

/** What a mapping lets its process do. */
public enum Protection {
    /** Nothing: any access ends the process. */
    NONE(MappingCalls.PROT_NONE),
    /** Reading. */
    READ(MappingCalls.PROT_READ),
    /** Reading and writing. */
    READ_WRITE(MappingCalls.PROT_READ | MappingCalls.PROT_WRITE);

    private final int bits;

    Protection(int bits) {
        this.bits = bits;
    }

    int bits() {
        return bits;
    }
}
