package dev.godwit.xen;

/**
 * What the saver of 2007 is told (Xen migration specification section 1.1).
 *
 * @param words of the tools
 * @param debug whether all is sent again after the end, to be compared
 * @param maxIterations with a running guest; 0 for 29
 * @param maxFactor more than so many times all frames are not sent before the guest is suspended; 0 for 3
 * @param strict2007 whether the size of a device map is taken for frames, as in 2007
 */
public record Hvm2007Settings(WordSize words, boolean debug, int maxIterations, int maxFactor, boolean strict2007) {

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is negative
     */
    public Hvm2007Settings {
        if (maxIterations < 0 || maxFactor < 0) {
            throw new IllegalArgumentException("maxIterations=%d, maxFactor=%d".formatted(maxIterations, maxFactor));
        }
    }
}
