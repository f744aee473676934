package dev.godwit.engine.background;

import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.ram.Page;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The figures of one background snapshot, from which {@code query-migrate} is answered. Written by one thread. */
final class SnapshotFigures {

    private final long totalBytes;
    private final long beginNs;
    private volatile long setUpNs = -1;
    private volatile long pausedNs = -1;
    private volatile long endNs = -1;

    SnapshotFigures(long totalBytes, long nowNs) {
        this.totalBytes = totalBytes;
        this.beginNs = nowNs;
    }

    void setUp(long nowNs) {
        setUpNs = nowNs;
    }

    void pausedNs(long ns) {
        pausedNs = ns;
    }

    long pausedNs() {
        return Math.max(0, pausedNs);
    }

    void ended(long nowNs) {
        endNs = nowNs;
    }

    MigrationReport report(
            MigrationStatus status,
            Optional<String> error,
            @Nullable SnapshotOutput output,
            @Nullable BackgroundCopy copy,
            long nowNs) {
        boolean shows = status == MigrationStatus.ACTIVE
                || status == MigrationStatus.COMPLETED
                || status == MigrationStatus.CANCELLING;
        long spentNs = (endNs < 0 ? nowNs : endNs) - beginNs;
        TransferCounters counters = output == null ? TransferCounters.NONE : output.counters();
        long remaining = copy == null ? totalBytes : copy.remainingPages() * Page.SIZE_BYTES;
        return new MigrationReport(
                        status,
                        error,
                        shows ? ms(spentNs) : OptionalLong.empty(),
                        shows && setUpNs >= 0 ? ms(setUpNs - beginNs) : OptionalLong.empty(),
                        OptionalLong.empty(),
                        shows && pausedNs >= 0 ? ms(pausedNs) : OptionalLong.empty(),
                        shows ? Optional.of(ram(counters, remaining, spentNs)) : Optional.empty(),
                        Optional.empty(),
                        OptionalInt.empty(),
                        List.of(),
                        List.of())
                .withWriteFaults(copy == null ? Optional.empty() : Optional.of(copy.faults()));
    }

    private static OptionalLong ms(long ns) {
        return OptionalLong.of(TimeUnit.NANOSECONDS.toMillis(ns));
    }

    private MigrationReport.Ram ram(TransferCounters counters, long remainingBytes, long spentNs) {
        double seconds = Math.max(1, spentNs) / 1e9;
        return new MigrationReport.Ram(
                counters.bytes(),
                remainingBytes,
                totalBytes,
                counters.zeroPages(),
                counters.normalPages(),
                Page.SIZE_BYTES,
                1,
                0,
                counters.bytes() * 8 / 1e6 / seconds,
                (long) ((counters.normalPages() + counters.zeroPages()) / seconds),
                0,
                counters.bytes(),
                0,
                0,
                0);
    }
}
