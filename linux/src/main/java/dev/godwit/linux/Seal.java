package dev.godwit.linux;

import dev.godwit.linux.calls.FcntlCalls;

/** What a memory file can be kept from for ever, by whomever ({@code F_SEAL_*} of {@code fcntl(2)}). */
public enum Seal {
    /** Further seals. */
    SEAL(FcntlCalls.F_SEAL_SEAL),
    /** Becoming shorter. */
    SHRINK(FcntlCalls.F_SEAL_SHRINK),
    /** Becoming longer. */
    GROW(FcntlCalls.F_SEAL_GROW),
    /** Being written; refused while a writable shared mapping is there. */
    WRITE(FcntlCalls.F_SEAL_WRITE),
    /** Being written except through the writable mappings that are there already. */
    FUTURE_WRITE(FcntlCalls.F_SEAL_FUTURE_WRITE);

    private final int bit;

    Seal(int bit) {
        this.bit = bit;
    }

    int bit() {
        return bit;
    }
}
