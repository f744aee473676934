package dev.godwit.workload;

/** Turns numbers into other numbers, each into one and evenly: the source of all that looks random in the workload. */
final class Mixing {

    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    private Mixing() {}

    /** {@return a number in which every bit depends on every bit of the given one} The finalizer of SplitMix64. */
    static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }

    static long mix(long first, long second) {
        return mix(mix(first + GOLDEN) + second * GOLDEN);
    }

    static long mix(long first, long second, long third) {
        return mix(mix(first, second), third);
    }
}
