package dev.godwit.engine.migration;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How a migration stands: {@code query-migrate} (qemu-migration specification section 7.4). A snapshot, taken at one
 * moment.
 *
 * @param status QEMU's word; NONE where there has been no migration
 * @param errorDescription the first error
 * @param totalTimeMs since it began; source only
 * @param setupTimeMs from the command to the first page; source only
 * @param expectedDowntimeMs while active; source only
 * @param downtimeMs from the stop of the guest to the end of the switchover, once it is known; source only
 * @param ram absent at the destination, and while nothing is under way or was completed
 * @param xbzrle with xbzrle only
 * @param cpuThrottlePercentage while throttling only
 * @param socketAddresses where a destination listens, as URIs, with the real port
 * @param blockedReasons why the machine cannot be migrated now; empty where it can
 * @param writeFaults how much the guest was slowed down; background snapshot only
 * @param rounds those that are over, at most the last 200; source only
 * @param postcopy for how long pages were waited for; at the destination, with {@code postcopy-blocktime}
 */
public record MigrationReport(
        MigrationStatus status,
        Optional<String> errorDescription,
        OptionalLong totalTimeMs,
        OptionalLong setupTimeMs,
        OptionalLong expectedDowntimeMs,
        OptionalLong downtimeMs,
        Optional<Ram> ram,
        Optional<Xbzrle> xbzrle,
        OptionalInt cpuThrottlePercentage,
        List<String> socketAddresses,
        List<String> blockedReasons,
        Optional<WriteFaultReport> writeFaults,
        List<Round> rounds,
        Optional<PostcopyReport> postcopy) {

    /** A report of a machine that never migrated. */
    public static final MigrationReport NONE = new MigrationReport(
            MigrationStatus.NONE,
            Optional.empty(),
            OptionalLong.empty(),
            OptionalLong.empty(),
            OptionalLong.empty(),
            OptionalLong.empty(),
            Optional.empty(),
            Optional.empty(),
            OptionalInt.empty(),
            List.of(),
            List.of());

    /** Copies the lists. */
    public MigrationReport {
        socketAddresses = List.copyOf(socketAddresses);
        blockedReasons = List.copyOf(blockedReasons);
        rounds = List.copyOf(rounds);
    }

    /** A report of what every migration has. */
    public MigrationReport(
            MigrationStatus status,
            Optional<String> errorDescription,
            OptionalLong totalTimeMs,
            OptionalLong setupTimeMs,
            OptionalLong expectedDowntimeMs,
            OptionalLong downtimeMs,
            Optional<Ram> ram,
            Optional<Xbzrle> xbzrle,
            OptionalInt cpuThrottlePercentage,
            List<String> socketAddresses,
            List<String> blockedReasons) {
        this(
                status,
                errorDescription,
                totalTimeMs,
                setupTimeMs,
                expectedDowntimeMs,
                downtimeMs,
                ram,
                xbzrle,
                cpuThrottlePercentage,
                socketAddresses,
                blockedReasons,
                Optional.empty(),
                List.of(),
                Optional.empty());
    }

    /** {@return the same with the addresses where a destination listens} */
    public MigrationReport withSocketAddresses(List<String> addresses) {
        return new MigrationReport(
                status,
                errorDescription,
                totalTimeMs,
                setupTimeMs,
                expectedDowntimeMs,
                downtimeMs,
                ram,
                xbzrle,
                cpuThrottlePercentage,
                addresses,
                blockedReasons,
                writeFaults,
                rounds,
                postcopy);
    }

    /** {@return the same with how much the guest was slowed down} */
    public MigrationReport withWriteFaults(Optional<WriteFaultReport> faults) {
        return new MigrationReport(
                status,
                errorDescription,
                totalTimeMs,
                setupTimeMs,
                expectedDowntimeMs,
                downtimeMs,
                ram,
                xbzrle,
                cpuThrottlePercentage,
                socketAddresses,
                blockedReasons,
                faults,
                rounds,
                postcopy);
    }

    /** {@return the same with its rounds} */
    public MigrationReport withRounds(List<Round> past) {
        return new MigrationReport(
                status,
                errorDescription,
                totalTimeMs,
                setupTimeMs,
                expectedDowntimeMs,
                downtimeMs,
                ram,
                xbzrle,
                cpuThrottlePercentage,
                socketAddresses,
                blockedReasons,
                writeFaults,
                past,
                postcopy);
    }

    /** {@return the same with what a postcopy made the guest wait} */
    public MigrationReport withPostcopy(PostcopyReport report) {
        return new MigrationReport(
                status,
                errorDescription,
                totalTimeMs,
                setupTimeMs,
                expectedDowntimeMs,
                downtimeMs,
                ram,
                xbzrle,
                cpuThrottlePercentage,
                socketAddresses,
                blockedReasons,
                writeFaults,
                rounds,
                Optional.of(report));
    }

    /**
     * What was sent between two readings of the dirty log.
     *
     * @param round counts from 1
     * @param last whether the guest stood still
     * @param sentPages zero pages included
     * @param skippedPages left for the next round, because the guest had written them again already
     * @param dirtiedPages what the guest wrote meanwhile, as the log said at the end; 0 where it stood still
     * @param durationMs how long it took
     * @param sentBytes on its way, headers included
     * @param toolCpuMs processor time that this process used meanwhile, the guest's vCPUs apart
     * @param guestCpuMs processor time of the vCPUs; 0 where the machine does not tell
     */
    public record Round(
            long round,
            boolean last,
            long sentPages,
            long skippedPages,
            long dirtiedPages,
            long durationMs,
            long sentBytes,
            long toolCpuMs,
            long guestCpuMs) {}

    /**
     * Counters of RAM.
     *
     * @param transferredBytes over all channels, device state included
     * @param remainingBytes 0 after completion
     * @param totalBytes of all blocks
     * @param duplicatePages zero pages
     * @param normalPages pages with content
     * @param pageSizeBytes the target page
     * @param dirtySyncCount how often the dirty log was read
     * @param dirtyPagesRate pages a second that the guest dirtied, in the last period
     * @param megabitsPerSecond as QEMU reckons {@code mbps}
     * @param pagesPerSecond sent
     * @param multifdBytes over multifd channels
     * @param precopyBytes while the guest ran at the source
     * @param downtimeBytes while it stood still
     * @param postcopyBytes while it ran at the destination
     * @param postcopyRequests pages that the destination asked for
     */
    public record Ram(
            long transferredBytes,
            long remainingBytes,
            long totalBytes,
            long duplicatePages,
            long normalPages,
            int pageSizeBytes,
            long dirtySyncCount,
            long dirtyPagesRate,
            double megabitsPerSecond,
            long pagesPerSecond,
            long multifdBytes,
            long precopyBytes,
            long downtimeBytes,
            long postcopyBytes,
            long postcopyRequests) {}

    /**
     * Counters of XBZRLE.
     *
     * @param cacheSizeBytes of the cache
     * @param bytes encoded, sent
     * @param pages sent as differences
     * @param cacheMiss pages that were not in the cache
     * @param cacheMissRate share of them in the last period
     * @param encodingRate page size by encoded size in the last period
     * @param overflow pages whose difference was longer than the page
     */
    public record Xbzrle(
            long cacheSizeBytes,
            long bytes,
            long pages,
            long cacheMiss,
            double cacheMissRate,
            double encodingRate,
            long overflow) {}
}
