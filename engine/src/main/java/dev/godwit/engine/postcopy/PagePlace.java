package dev.godwit.engine.postcopy;

/**
 * A page's place in a guest.
 *
 * @param blockIndex of its block in the layout
 * @param page its number in the block; whether of 4096 bytes or a host page, the user says
 */
public record PagePlace(int blockIndex, long page) {

    /**
     * Written out: what a record gets by itself is linked at its first use, milliseconds for which a vCPU would wait.
     */
    @Override
    public boolean equals(Object other) {
        return other instanceof PagePlace place && place.blockIndex == blockIndex && place.page == page;
    }

    @Override
    public int hashCode() {
        return 31 * Long.hashCode(page) + blockIndex;
    }
}
