package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.RateLimit;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Sends RAM, round after round, while the guest writes it, then the rest. Knows no states: {@link Precopy} has them.
 * Owned by one thread.
 */
final class PrecopyLap {

    /** What the lap has to ask while it runs. */
    interface Watch {
        /**
         * Does nothing while the migration may go on.
         *
         * @throws IOException if it is to end: cancelled, or the destination has failed
         */
        void check() throws IOException;

        /** {@return whether the destination lets the guest go} */
        boolean canSwitchOver();

        /** Waits a little for the destination to let the guest go. */
        void awaitAcknowledgement() throws IOException;

        /** {@return whether the guest is to go before its RAM} */
        boolean wantsPostcopy();

        /** Waits because the bandwidth limit says so; no longer than until the guest may go before its RAM. */
        void pause(long ns) throws InterruptedException;
    }

    /** What goes first when the guest is stopped. */
    enum Switchover {
        RAM_FIRST,
        GUEST_FIRST
    }

    /**
     * What is left of a guest that goes before its RAM.
     *
     * @param recent lists the host pages that it wrote last, for an order that wants them
     */
    record Rest(MachineState devices, PageClaims claims, Supplier<List<PagePlace>> recent) {}

    /** QEMU looks at the clock every 64 pages. */
    private static final int RUN_PAGES = 64;

    private static final int BATCH_PAGES = 1024;
    private static final long PART_NS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long FORCED_SYNC_NS = TimeUnit.SECONDS.toNanos(5);

    private final Machine machine;
    private final OutgoingStream stream;
    private final DirtyLog log;
    private final PrecopySettings settings;
    private final PrecopyPolicy policy;
    private final LapStatistics statistics;
    private final Watch watch;
    private final Clock clock;
    private final DirtyPages dirty;
    private final PageRun run = new PageRun();
    private final RateLimit limit;
    private final DirtyRate rate;
    private final AutoConverge autoConverge = new AutoConverge();
    private LapStatistics.Sample windowStart;
    private long syncs;
    private long dirtiedLast;
    private long lastSyncNs;
    private long dirtyBytesAtSync;
    private boolean roundOver;
    private long rounds;
    private long sentPages;
    private long skippedPages;
    private long sentPagesInAll;
    private long batchLeftPages;
    private long roundStartNs;
    private long roundStartBytes;
    private CpuTimes roundStartTimes;

    PrecopyLap(
            Machine machine,
            OutgoingStream stream,
            DirtyLog log,
            PrecopySettings settings,
            LapStatistics statistics,
            Watch watch) {
        this.machine = machine;
        this.stream = stream;
        this.log = log;
        this.settings = settings;
        this.statistics = statistics;
        this.watch = watch;
        this.clock = settings.clock();
        MigrationParameters parameters = settings.parameters().get();
        this.policy = stream.policy().orElseGet(() -> PrecopyPolicy.chosen(parameters, machine.memory()));
        this.dirty = DirtyPages.all(machine.memory().layout());
        this.limit = new RateLimit(parameters.number(MigrationParameter.MAX_BANDWIDTH), clock);
        this.rate = new DirtyRate(clock.nanoTime(), 0);
        this.windowStart = now();
        this.roundStartTimes = CpuTimes.now(machine);
    }

    /** Reads the log for the first time. Everything is dirty anyway; the first pass begins. */
    void begin() throws IOException {
        readLog();
    }

    /**
     * Sends until it is time to stop the guest. Where all of RAM can follow at once, it does, and the guest need not go
     * first.
     *
     * @return how the rest is to follow
     */
    Switchover untilSwitchover() throws IOException {
        limit.begin(stream.transferredBytes());
        boolean exact = false;
        while (true) {
            watch.check();
            switch (policy.stop().decide(view(exact))) {
                case READ_DIRTY_LOG -> {
                    readLog();
                    exact = true;
                }
                case SEND -> {
                    if (watch.wantsPostcopy() && watch.canSwitchOver()) {
                        return Switchover.GUEST_FIRST;
                    }
                    exact = false;
                    sendPart();
                    endWindow();
                }
                case SWITCH_OVER -> {
                    return Switchover.RAM_FIRST;
                }
            }
        }
    }

    /** Sends what is left of RAM of a guest that stands still. {@return its devices, which are still to be sent} */
    MachineState last() throws IOException {
        statistics.guestStopped(stream.transferredBytes());
        stream.switchover();
        MachineState state = machine.save(); // first, because saving may write to RAM
        logRead(dirty.collectLast(log, dirty));
        stream.beginLast();
        while (dirty.pages() > 0) {
            watch.check();
            if (policy.scan().next(dirty, run, RUN_PAGES)) {
                send(run.firstPage(), run.pages());
            } else {
                stream.endOfRound();
            }
        }
        stream.endLast();
        endRound(0, true);
        statistics.ramSent(stream.transferredBytes());
        statistics.sample(now());
        return state;
    }

    private boolean wantsRecent() {
        return PushPolicy.parse(settings.parameters().get().text(MigrationParameter.X_POSTCOPY_ORDER))
                == PushPolicy.RECORDED;
    }

    /**
     * Makes everything ready for a guest that goes before its RAM, while it runs: when it stands still, little will
     * have to be looked for and said.
     */
    void prepareHandOver() throws IOException {
        readLog();
        stream.preparePostcopy(dirty.claims(machine.memory().hostPageBytes()));
        watch.check();
    }

    /** Finds what is left of a guest that stands still and is to go before its RAM. */
    Rest rest() throws IOException {
        statistics.guestStopped(stream.transferredBytes());
        stream.switchover();
        MachineState state = machine.save(); // first, because saving may write to RAM
        DirtyPages recent = DirtyPages.none(dirty.layout());
        long reported = recent.collectLast(log, wantsRecent() ? DirtyPages.none(dirty.layout()) : dirty);
        policy.skip().giveBack(dirty);
        dirty.add(recent);
        dirtiedLast = policy.roundsFollowTheLog() ? dirty.pages() : reported;
        if (dirty.pages() == 0) {
            // A destination has to be told of at least one page that follows.
            dirty.add(DirtyPages.firstOf(dirty.layout()));
        }
        statistics.ramSent(stream.transferredBytes());
        PageClaims claims = dirty.claims(machine.memory().hostPageBytes());
        return new Rest(
                state, claims, () -> recent.hostPages(machine.memory().hostPageBytes(), PostcopyCounters.MOST_TOUCHES));
    }

    /** Lets the guest go, and reckons afterwards, when nobody waits for it. {@return what sends the rest} */
    PostcopyStream handOver(PostcopyWork work, MachineState devices, RunStatus before) throws IOException {
        PostcopyStream rest = stream.handOver(work, devices, before);
        endRound(dirtiedLast, false);
        syncs++;
        statistics.sample(now());
        settings.tell(new MachineEvent.Pass(syncs));
        return rest;
    }

    /** Sends the devices and ends the stream. */
    void end(MachineState state, RunStatus before) throws IOException {
        stream.devices(state, before);
        stream.end();
        statistics.sample(now());
    }

    private LapView view(boolean exact) {
        return new LapView(
                dirty.bytes(),
                exact,
                dirtyBytesAtSync,
                rate.pagesPerSecond(),
                roundOver,
                rounds,
                sentPages,
                skippedPages,
                sentPagesInAll,
                machine.memory().layout().totalBytes() / Page.SIZE_BYTES,
                watch.canSwitchOver());
    }

    private void readLog() throws IOException {
        logRead(dirty.collect(log));
    }

    private void logRead(long reported) throws IOException {
        policy.skip().giveBack(dirty);
        endRound(policy.roundsFollowTheLog() ? dirty.pages() : reported, false);
        syncs++;
        stream.beginPass(syncs);
        lastSyncNs = clock.nanoTime();
        dirtyBytesAtSync = dirty.bytes();
        roundOver = false;
        sentPages = 0;
        skippedPages = 0;
        batchLeftPages = 0;
        if (policy.roundsFollowTheLog()) {
            policy.scan().restart();
        }
        if (rate.read(reported, lastSyncNs, stream.transferredBytes())
                && settings.has(MigrationCapability.AUTO_CONVERGE)
                && autoConverge.periodEnded(
                        rate.endedDirtyBytes(),
                        rate.endedSentBytes(),
                        settings.parameters().get())) {
            machine.throttle(autoConverge.percentage());
        }
        statistics.sample(now());
        settings.tell(new MachineEvent.Pass(syncs));
    }

    /** A round lasts from one reading of the log to the next; the first begins with the first reading. */
    private void endRound(long dirtiedPages, boolean last) {
        long nowNs = clock.nanoTime();
        long bytes = stream.transferredBytes();
        CpuTimes times = CpuTimes.now(machine);
        if (syncs > 0) {
            statistics.round(new MigrationReport.Round(
                    syncs,
                    last,
                    sentPages,
                    skippedPages,
                    dirtiedPages,
                    TimeUnit.NANOSECONDS.toMillis(nowNs - roundStartNs),
                    bytes - roundStartBytes,
                    TimeUnit.NANOSECONDS.toMillis(times.toolNs() - roundStartTimes.toolNs()),
                    TimeUnit.NANOSECONDS.toMillis(times.guestNs() - roundStartTimes.guestNs())));
        }
        roundStartNs = nowNs;
        roundStartBytes = bytes;
        roundStartTimes = times;
    }

    private void sendPart() throws IOException {
        if (dirty.pages() == 0 && !watch.canSwitchOver()) {
            watch.awaitAcknowledgement();
        }
        if (settings.has(MigrationCapability.AUTO_CONVERGE)
                && syncs >= 2
                && clock.nanoTime() - lastSyncNs > FORCED_SYNC_NS) {
            readLog();
        }
        limit.bytesPerSecond(settings.parameters().get().number(MigrationParameter.MAX_BANDWIDTH));
        int mostPages = Math.clamp(limit.stepBytes() / Page.SIZE_BYTES, 1, RUN_PAGES);
        stream.beginPart();
        long partStartNs = clock.nanoTime();
        boolean more = true;
        while (more) {
            more = sendRun(mostPages)
                    && dirty.pages() > 0
                    && (run.hostPageGoesOn()
                            || (!limit.isUsedUp(stream.transferredBytes())
                                    && clock.nanoTime() - partStartNs <= PART_NS));
        }
        stream.endPart();
    }

    /** Sends the next pages; false where the part should end: a round that follows the log is over. */
    private boolean sendRun(int mostPages) throws IOException {
        if (batchLeftPages <= 0) {
            policy.skip().look(log);
            batchLeftPages = BATCH_PAGES;
        }
        if (!policy.scan().next(dirty, run, mostPages)) {
            stream.endOfRound();
            rounds++;
            roundOver = true;
            run.set(0, 0, 0, false);
            return !policy.roundsFollowTheLog();
        }
        watch.check();
        long end = run.firstPage() + run.pages();
        long page = run.firstPage();
        while (page < end) {
            long skipped = page;
            while (skipped < end && policy.skip().skips(run.blockIndex(), skipped)) {
                skipped++;
            }
            skippedPages += skipped - page;
            page = skipped;
            while (page < end && !policy.skip().skips(run.blockIndex(), page)) {
                page++;
            }
            if (page > skipped) {
                send(skipped, page - skipped);
            }
        }
        return true;
    }

    private void send(long firstPage, long pages) throws IOException {
        log.beforeRead(run.blockIndex(), firstPage, pages);
        dirty.clear(run.blockIndex(), firstPage, pages);
        stream.pages(run.blockIndex(), firstPage, pages);
        sentPages += pages;
        sentPagesInAll += pages;
        batchLeftPages -= pages;
    }

    private void endWindow() throws IOException {
        long transferredBytes = stream.transferredBytes();
        if (limit.isUsedUp(transferredBytes)) {
            statistics.sample(now()); // whoever asks meanwhile is not to hear of the window before
            sleepToEnd();
        }
        LapStatistics.Sample sample = now();
        statistics.sample(sample);
        if (limit.turn(transferredBytes)) {
            policy.stop()
                    .windowEnded(
                            limit.endedBytes(),
                            limit.endedMs(),
                            view(false),
                            settings.parameters().get());
            statistics.windowEnded(limit.endedBytes(), limit.endedMs(), windowStart, sample);
            windowStart = sample;
        }
    }

    private void sleepToEnd() throws IOException {
        try {
            watch.pause(limit.leftNs());
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the bandwidth limit held the migration");
        }
    }

    private LapStatistics.Sample now() {
        return new LapStatistics.Sample(
                stream.counters(),
                dirty.bytes(),
                syncs,
                rate.pagesPerSecond(),
                autoConverge.percentage(),
                policy.stop().expectedDowntimeMs(),
                sentPagesInAll);
    }
}
