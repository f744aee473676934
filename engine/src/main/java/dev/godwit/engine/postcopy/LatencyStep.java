package dev.godwit.engine.postcopy;

/**
 * A step of a histogram of latencies.
 *
 * @param upToNs no latency of the step was longer
 * @param requests how many were in it, and in no step before
 */
public record LatencyStep(long upToNs, long requests) {}
