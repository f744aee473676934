package dev.godwit.engine.migration;

import java.util.OptionalLong;

/**
 * What {@code query-dirty-rate} answers.
 *
 * @param status {@code unstarted}, {@code measuring} or {@code measured}
 * @param dirtyRateMebibytesPerSecond once it is measured
 * @param startTimeSeconds when measuring began, in seconds since 1970; 0 before
 * @param calcTimeMs for how long it measures
 * @param mode QEMU's word: {@code page-sampling}, {@code dirty-ring} or {@code dirty-bitmap}
 * @param samplePages how many pages a GiB are looked at, with page-sampling
 */
public record DirtyRateReport(
        String status,
        OptionalLong dirtyRateMebibytesPerSecond,
        long startTimeSeconds,
        long calcTimeMs,
        String mode,
        long samplePages) {}
