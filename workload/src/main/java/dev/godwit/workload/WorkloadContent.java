package dev.godwit.workload;

/** What the pages of the workload are filled with. */
public enum WorkloadContent {
    /** Bytes that no compression makes shorter. */
    RANDOM,
    /** Bytes of which a quarter is random, the rest is the same everywhere. */
    COMPRESSIBLE
}
