package dev.godwit.workload;

/** The order in which a vCPU writes the pages that are its own. */
public enum WorkloadPattern {
    /** From the first to the last, again and again. */
    SEQUENTIAL,
    /** Every page once a lap, each lap in another order. */
    RANDOM,
    /** Few pages often and many seldom: the page of rank r is written about 1/r as often as the first. */
    ZIPF
}
