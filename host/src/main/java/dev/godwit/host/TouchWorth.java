package dev.godwit.host;

/**
 * Decides by what it took lately whether it is worth having memory touched ahead of the pages by another thread. Where
 * the kernel gives it quickly, whoever brings the pages does better to touch it himself, since it is in his caches
 * then. Owned by whoever holds the lock of {@link TouchAhead}.
 */
final class TouchWorth {

    /** Of 2 MiB. Warm memory takes some 150 us, memory that a host gives back to its guest several ms. */
    private static final long WORTH_NS = 1_000_000;

    /** The quickest of so many counts: a thread may have waited for a processor. */
    private static final int SAMPLES = 8;

    /**
     * While it is not worth it, one extent of so many is touched ahead all the same, to see whether it has become so.
     */
    private static final int PROBE_EVERY = 16;

    private boolean isWorthIt = true;
    private int samples;
    private long quickestNs = Long.MAX_VALUE;
    private long left;

    /** {@return whether the next extent is to be touched ahead} */
    boolean ofNext() {
        if (isWorthIt) {
            return true;
        }
        left++;
        return left % PROBE_EVERY == 0;
    }

    /** An extent was touched ahead, which took so long. */
    void took(long ns) {
        if (!isWorthIt) {
            isWorthIt = ns >= WORTH_NS;
            return;
        }
        quickestNs = Math.min(quickestNs, ns);
        samples++;
        if (samples == SAMPLES) {
            isWorthIt = quickestNs >= WORTH_NS;
            samples = 0;
            quickestNs = Long.MAX_VALUE;
        }
    }
}
