package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.Downtime;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.ram.Page;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The figures of one migration at its source, from which {@code query-migrate} is answered (qemu-migration
 * specification section 7.4). Written by the lap's thread, read by any.
 */
final class LapStatistics {

    /** More are not kept; the oldest go first. */
    private static final int MOST_ROUNDS = 200;

    private final long totalBytes;
    private final long beginNs;
    private volatile Sample sample = new Sample(TransferCounters.NONE, 0, 0, 0, 0, OptionalLong.empty(), 0);
    private volatile Window window = new Window(0, 0, 0, 0);
    private volatile List<MigrationReport.Round> rounds = List.of();
    private volatile long setUpNs = -1;
    private volatile long endNs = -1; // written last: what was written before is seen with it
    private volatile long ramBytesAtStop = -1;
    private volatile long ramBytesAtEnd = -1;
    private volatile @Nullable Downtime downtime;
    private volatile @Nullable AfterHandover after;
    private volatile long ranNs = -1;

    LapStatistics(long totalBytes, long nowNs) {
        this.totalBytes = totalBytes;
        this.beginNs = nowNs;
    }

    /** How far it is. */
    record Sample(
            TransferCounters counters,
            long remainingBytes,
            long dirtySyncCount,
            long dirtyPagesRate,
            int throttlePercentage,
            OptionalLong expectedDowntimeMs,
            long pages) {}

    /** What is sent after the guest has gone first. */
    private record AfterHandover(long sinceNs, PostcopyCounters counters, LongSupplier remainingBytes) {}

    /** The last window, and the counters of XBZRLE when it ended. */
    private record Window(double megabitsPerSecond, long pagesPerSecond, double cacheMissRate, double encodingRate) {}

    void setUp(long nowNs) {
        setUpNs = nowNs;
    }

    void sample(Sample now) {
        sample = now;
    }

    /** A window of at least 100 ms is over. */
    void windowEnded(long bytes, long ms, Sample before, Sample now) {
        long pages = now.pages - before.pages;
        double missRate = 0;
        double encodingRate = 0;
        if (now.counters.xbzrle().isPresent() && before.counters.xbzrle().isPresent()) {
            var from = before.counters.xbzrle().get();
            var to = now.counters.xbzrle().get();
            missRate = pages == 0 ? 0 : (double) (to.cacheMiss() - from.cacheMiss()) / pages;
            long encodedBytes = to.bytes() - from.bytes();
            encodingRate =
                    encodedBytes == 0 ? 0 : (double) (to.pages() - from.pages()) * Page.SIZE_BYTES / encodedBytes;
        }
        window = new Window(bytes * 8.0 / ms / 1000, pages * 1000 / ms, missRate, encodingRate);
    }

    /** A round is over. */
    void round(MigrationReport.Round over) {
        List<MigrationReport.Round> all = new ArrayList<>(rounds);
        if (all.size() == MOST_ROUNDS) {
            all.removeFirst();
        }
        all.add(over);
        rounds = List.copyOf(all);
    }

    void guestStopped(long ramBytes) {
        ramBytesAtStop = ramBytes;
    }

    void ramSent(long ramBytes) {
        ramBytesAtEnd = ramBytes;
    }

    /**
     * The guest has gone before its RAM.
     *
     * @param known how long it stood still so far
     */
    void handedOver(Downtime known, long nowNs, PostcopyCounters counters, LongSupplier remainingBytes) {
        downtime = known;
        after = new AfterHandover(nowNs, counters, remainingBytes);
    }

    /** A guest that has gone first runs at the destination; it may have done so before all was said of its going. */
    void guestRuns(long nowNs) {
        if (ranNs < 0) {
            ranNs = nowNs;
        }
    }

    void ended(long nowNs, @Nullable Downtime known) {
        if (known != null) {
            downtime = known;
        }
        endNs = nowNs;
    }

    boolean isEnded() {
        return endNs >= 0;
    }

    Optional<Downtime> downtime() {
        Downtime known = downtime;
        AfterHandover handedOver = after;
        return known == null || handedOver == null || ranNs < 0
                ? Optional.ofNullable(known)
                : Optional.of(known.answeredAfter(ranNs - handedOver.sinceNs));
    }

    MigrationReport report(MigrationStatus status, MigrationState state, MigrationParameters parameters, long nowNs) {
        Sample now = sample;
        boolean showsRam = switch (status) {
            case NONE, SETUP, FAILED, CANCELLED -> false;
            case ACTIVE,
                    CANCELLING,
                    PRE_SWITCHOVER,
                    DEVICE,
                    COMPLETED,
                    POSTCOPY_ACTIVE,
                    POSTCOPY_PAUSED,
                    POSTCOPY_RECOVER_SETUP,
                    POSTCOPY_RECOVER -> true;
        };
        boolean completed = status == MigrationStatus.COMPLETED;
        Optional<Downtime> known = downtime();
        return new MigrationReport(
                        status,
                        error(state),
                        showsRam ? ms((endNs < 0 ? nowNs : endNs) - beginNs) : OptionalLong.empty(),
                        showsRam && setUpNs >= 0 ? ms(setUpNs - beginNs) : OptionalLong.empty(),
                        showsRam && !completed && after == null
                                ? OptionalLong.of(now.expectedDowntimeMs.orElse(
                                        parameters.number(MigrationParameter.DOWNTIME_LIMIT)))
                                : OptionalLong.empty(),
                        (completed || after != null) && known.isPresent()
                                ? OptionalLong.of(known.get().totalMs())
                                : OptionalLong.empty(),
                        showsRam ? Optional.of(ram(now, completed)) : Optional.empty(),
                        showsRam ? xbzrle(now.counters) : Optional.empty(),
                        showsRam && now.throttlePercentage > 0
                                ? OptionalInt.of(now.throttlePercentage)
                                : OptionalInt.empty(),
                        List.of(),
                        List.of())
                .withRounds(showsRam ? rounds : List.of());
    }

    private static Optional<String> error(MigrationState state) {
        return switch (state) {
            case MigrationState.Failed(String error, var _) -> Optional.of(error);
            case MigrationState.PostcopyPaused(String error) -> Optional.of(error);
            case MigrationState.IncomingPostcopy _ -> throw new AssertionError(state);
            case MigrationState.Idle _,
                    MigrationState.Setup _,
                    MigrationState.Active _,
                    MigrationState.PreSwitchover _,
                    MigrationState.Device _,
                    MigrationState.PostcopyActive _,
                    MigrationState.PostcopyRecoverSetup _,
                    MigrationState.PostcopyRecover _,
                    MigrationState.Handover _,
                    MigrationState.Cancelling _,
                    MigrationState.Cancelled _,
                    MigrationState.Completed _ -> Optional.empty();
        };
    }

    private static OptionalLong ms(long ns) {
        return OptionalLong.of(TimeUnit.NANOSECONDS.toMillis(ns));
    }

    private MigrationReport.Ram ram(Sample now, boolean completed) {
        TransferCounters counters = now.counters;
        long atStop = ramBytesAtStop;
        long atEnd = ramBytesAtEnd < 0 ? counters.bytes() : ramBytesAtEnd;
        AfterHandover handedOver = after;
        PostcopyCounters.Totals postcopy = handedOver == null ? PostcopyCounters.NOTHING : handedOver.counters.totals();
        long remainingBytes = handedOver == null ? now.remainingBytes : handedOver.remainingBytes.getAsLong();
        return new MigrationReport.Ram(
                counters.bytes() + postcopy.streamBytes(),
                completed ? 0 : remainingBytes,
                totalBytes,
                counters.zeroPages() + postcopy.zeroPages(),
                counters.normalPages() + postcopy.normalPages(),
                Page.SIZE_BYTES,
                now.dirtySyncCount,
                now.dirtyPagesRate,
                window.megabitsPerSecond,
                window.pagesPerSecond,
                counters.multifdBytes(),
                atStop < 0 ? counters.bytes() : atStop,
                atStop < 0 ? 0 : atEnd - atStop,
                postcopy.streamBytes(),
                postcopy.requests());
    }

    private Optional<MigrationReport.Xbzrle> xbzrle(TransferCounters counters) {
        return counters.xbzrle()
                .map(differences -> new MigrationReport.Xbzrle(
                        differences.cacheBytes(),
                        differences.bytes(),
                        differences.pages(),
                        differences.cacheMiss(),
                        window.cacheMissRate,
                        window.encodingRate,
                        differences.overflow()));
    }
}
