package dev.godwit.linux;

import dev.godwit.linux.calls.MappingCalls;

/** Who sees what is written into a mapping. */
public enum Sharing {
    /** Everybody who maps or reads the same file. */
    SHARED(MappingCalls.MAP_SHARED),
    /** This mapping alone: a page is copied when it is first written. */
    PRIVATE(MappingCalls.MAP_PRIVATE);

    private final int bits;

    Sharing(int bits) {
        this.bits = bits;
    }

    int bits() {
        return bits;
    }
}
