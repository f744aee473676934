package dev.godwit.xen;

/**
 * What the saver of 2007 is told (Xen migration specification section 1.1).
 *
 * @param words of the tools
 * @param live whether the guest runs meanwhile
 * @param debug whether all is sent again after the end, to be compared
 * @param stdVga whether the framebuffer is saved here and not by the device model; it matters in a live save only
 * @param maxIterations with a running guest; 0 for 29
 * @param maxFactor more than so many times all frames are not sent before the guest is suspended; 0 for 3
 * @param strict2007 whether the stream is to have the bugs of 2007: the size of a device map taken for frames, and
 *     frame 0 in place of every frame of a guest with at most 512
 */
public record Hvm2007Settings(
        WordSize words,
        boolean live,
        boolean debug,
        boolean stdVga,
        int maxIterations,
        int maxFactor,
        boolean strict2007) {

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
