package dev.godwit.workload;

/**
 * An order of numbers that looks random and is computed, not stored, in both directions: which number stands at a
 * place, and at which place a number stands.
 *
 * <p>Three rounds of add, multiply and shift permute the smallest power of two that holds the numbers; what falls
 * outside is sent round again until it falls inside, which keeps it a permutation.
 */
final class PagePermutation {

    private static final int ROUNDS = 3;
    private static final long ODD = 0x2545f4914f6cdd1dL;
    private static final long ODD_INVERSE = inverse(ODD);

    private PagePermutation() {}

    /**
     * {@return the number at a place}
     *
     * @param place 0 to {@code length} - 1
     * @param length how many numbers there are, at least 1
     * @param key which of the orders
     */
    static long at(long place, long length, long key) {
        int bits = bits(length);
        long value = place;
        do {
            value = forward(value, bits, key);
        } while (value >= length);
        return value;
    }

    /** {@return the place at which a number stands: {@code at(placeOf(n)) == n}} */
    static long placeOf(long number, long length, long key) {
        int bits = bits(length);
        long value = number;
        do {
            value = backward(value, bits, key);
        } while (value >= length);
        return value;
    }

    private static int bits(long length) {
        return 64 - Long.numberOfLeadingZeros(length - 1);
    }

    private static long forward(long number, int bits, long key) {
        long mask = (1L << bits) - 1;
        int shift = (bits + 1) / 2;
        long value = number;
        for (int round = 0; round < ROUNDS; round++) {
            value = (value + (key >>> (round * 16))) * ODD & mask;
            value ^= value >>> shift;
        }
        return value;
    }

    private static long backward(long number, int bits, long key) {
        long mask = (1L << bits) - 1;
        int shift = (bits + 1) / 2;
        long value = number;
        for (int round = ROUNDS - 1; round >= 0; round--) {
            // half of the bits or more are shifted out, so that the same shift undoes itself
            value ^= value >>> shift;
            value = (value * ODD_INVERSE - (key >>> (round * 16))) & mask;
        }
        return value;
    }

    private static long inverse(long odd) {
        long inverse = odd;
        for (int bits = 3; bits < 64; bits *= 2) {
            inverse *= 2 - odd * inverse;
        }
        return inverse;
    }
}
