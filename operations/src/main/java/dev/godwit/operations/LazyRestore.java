package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PostcopyEvents;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.OutgoingPostcopy;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.UnreadablePageException;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.GlobalState;
import dev.godwit.ram.Page;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import dev.godwit.transport.ByteSize;
import dev.godwit.transport.MigrationChannel;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * Brings a guest back from its snapshot at once ({@code godwit restore --lazy}): it runs before any of its RAM is
 * there, gets the pages that it touches when it touches them, and the rest meanwhile.
 *
 * <p>Until it runs, a failure leaves it in the snapshot. From then on it is at the destination, where it blocks on the
 * pages that it misses until they come: over a connection that this class makes anew where it can, or from another
 * restore that resumes. The snapshot is only read. {@link #close} may be called from any thread and ends {@link #run}.
 */
public final class LazyRestore implements Closeable {

    /** So often in a row a connection is made anew that then brings nothing. */
    private static final int MOST_FAILURES = 5;

    private final LazyRestoreOptions options;
    private final Progress progress;
    private final PostcopyCounters counters = new PostcopyCounters();
    private final PushPace pace;
    private final long startNs = System.nanoTime();
    private volatile @Nullable Duration untilRun;
    private volatile boolean guestIsThere;
    private volatile boolean qemuHasEnded;
    private @Nullable MigrationChannel channel;
    private boolean closed;

    /**
     * A guest to be restored.
     *
     * @param progress hears how far it is
     */
    public LazyRestore(LazyRestoreOptions options, Progress progress) {
        this(options, progress, new PushPace());
        pace.maxBytesPerSecond(options.maxBandwidthBytesPerSecond());
    }

    /** One whose push others pace too. */
    LazyRestore(LazyRestoreOptions options, Progress progress, PushPace pace) {
        this.options = options;
        this.progress = progress;
        this.pace = pace;
        this.guestIsThere = options.resume();
        pace.faultLatencyNs(options.faultLatency().toNanos());
        if (options.record()) {
            pace.awaitFirstTouches();
        }
    }

    /**
     * Restores the guest; at most once. Returns when all its RAM is at the destination.
     *
     * @throws MigrationException if that cannot be brought about; it says where the guest is and how it goes on
     */
    public LazyRestoreResult run() throws MigrationException {
        try (Snapshot snapshot = Snapshot.open(options.file(), 0, progress)) {
            return run(snapshot, snapshot.checked());
        } catch (MigrationException e) {
            throw e;
        } catch (IOException | CancellationException e) {
            throw located(e.getMessage() == null ? e.toString() : e.getMessage(), false, e);
        }
    }

    /** Does the same from a snapshot that others use too. */
    LazyRestoreResult run(Snapshot snapshot, RamSource ram) throws MigrationException {
        try (PostcopyQemu destination = PostcopyQemu.open(options.destination(), options.preempt())) {
            checkSuitable(snapshot.vmState());
            List<Long> hostPageBytes = destination.hostPagesUnder(
                    snapshot.layout(), snapshot.vmState().configuration().machineType(), options.resume());
            PushPlan plan = PushPlan.of(options.order(), snapshot);
            if (!options.resume()) {
                plan.readAhead(snapshot);
            }
            try {
                sendUntilComplete(snapshot.vmState(), ram, hostPageBytes, plan, destination);
            } catch (MigrationException e) {
                throw e;
            } catch (IOException e) {
                throw failed(e, destination);
            }
            destination.finish();
            PostcopyEvents.totals(counters, 0, true);
            return result(snapshot, destination, plan, hostPageBytes);
        } catch (MigrationException e) {
            throw e;
        } catch (IOException | CancellationException e) {
            throw located(e.getMessage() == null ? e.toString() : e.getMessage(), false, e);
        }
    }

    /** {@return what was asked for and pushed so far} */
    PostcopyCounters counters() {
        return counters;
    }

    /** {@return when the guest began to run; empty before} */
    Optional<Duration> untilRun() {
        return Optional.ofNullable(untilRun);
    }

    /** {@return whether the guest runs, or ran, at the destination} */
    boolean guestIsThere() {
        return guestIsThere;
    }

    /** {@return whether the destination has ended after its guest ran, and with it the restore} */
    boolean qemuHasEnded() {
        return qemuHasEnded;
    }

    private static void checkSuitable(VmState state) throws IOException {
        if (state.configuration().capabilities().contains(Configuration.X_IGNORE_SHARED)) {
            throw new IOException("the guest was saved with x-ignore-shared, by which its shared RAM is missing");
        }
        for (var section : state.sections()) {
            if (section.type() != SectionType.FULL) {
                throw new IOException(
                        "the snapshot has '" + section.name() + "', which cannot be sent lazily; use --eager");
            }
        }
        Optional<GlobalState> global = GlobalState.of(state.sections());
        if (global.isPresent() && !global.get().isRunning()) {
            throw new IOException("the guest was saved while it was "
                    + global.get().runState() + ", and a lazy restore would let it run; use --eager");
        }
    }

    private void sendUntilComplete(
            VmState state, RamSource ram, List<Long> hostPageBytes, PushPlan plan, PostcopyQemu destination)
            throws IOException {
        boolean resume = options.resume();
        int failures = 0;
        while (true) {
            long sentBefore = sentBytes();
            try {
                send(state, ram, new PageClaims(ram, hostPageBytes), plan, destination, resume);
                return;
            } catch (UnreadablePageException | MigrationException e) {
                throw e;
            } catch (IOException e) {
                failures = sentBytes() > sentBefore ? 1 : failures + 1;
                guestIsThere |= destination.hasGuest();
                if (isClosed() || !guestIsThere || !destination.recoversByItself() || failures > MOST_FAILURES) {
                    throw e;
                }
            }
            progress.phase("the connection is made anew", -1);
            counters.reconnected();
            resume = true;
        }
    }

    private long sentBytes() {
        PostcopyCounters.Totals totals = counters.totals();
        return totals.requestedBytes() + totals.pushedBytes();
    }

    private void send(
            VmState state, RamSource ram, PageClaims claims, PushPlan plan, PostcopyQemu destination, boolean resume)
            throws IOException {
        OutgoingPostcopy postcopy = new OutgoingPostcopy(ram, state, claims, plan.order(claims), counters)
                .pace(pace)
                .beforeRun(resume ? List.of() : plan.beforeRun(claims))
                .progress(progress)
                .onRun(() -> guestRuns(state.configuration().machineType(), claims));
        if (options.preempt()) {
            postcopy.preempt(
                    destination::connectAgain,
                    wantsEndOfPreempt(state.configuration().machineType()));
        }
        Optional<MigrationChannel> found = resume ? destination.recover() : Optional.of(destination.connect());
        if (found.isEmpty()) {
            return; // it has had everything all along
        }
        try (MigrationChannel connection = opened(found.get())) {
            if (!connection.isDuplex()) {
                throw new IOException("a lazy restore needs the destination's requests, and " + connection.remote()
                        + " goes one way; use tcp, unix or fd");
            }
            if (resume) {
                postcopy.resume(connection);
            } else {
                postcopy.send(connection);
            }
        }
    }

    /** Machine types up to 7.2 keep the preempt channel of that release (qemu-migration specification section 3.7). */
    static boolean wantsEndOfPreempt(String machineType) {
        int dash = machineType.lastIndexOf('-');
        String[] version = machineType.substring(dash + 1).split("\\.", -1);
        try {
            return version.length == 2 && Integer.parseInt(version[0]) * 100 + Integer.parseInt(version[1]) <= 702;
        } catch (NumberFormatException _) {
            return false;
        }
    }

    private void guestRuns(String machineType, PageClaims claims) {
        guestIsThere = true;
        if (untilRun == null) {
            Duration time = Duration.ofNanos(System.nanoTime() - startNs);
            untilRun = time;
            progress.phase(
                    "the guest runs after %d ms, sending the rest of RAM".formatted(time.toMillis()),
                    claims.bytesToPush());
            progress.detail(this::asked);
            PostcopyEvents.guestRuns(machineType, time.toNanos());
        }
    }

    private String asked() {
        PostcopyCounters.Totals totals = counters.totals();
        return "%d pages asked for, sent within %.1f ms (99 %%)".formatted(totals.requests(), totals.p99Ns() / 1e6);
    }

    private LazyRestoreResult result(
            Snapshot snapshot, PostcopyQemu destination, PushPlan plan, List<Long> hostPageBytes) throws IOException {
        Duration total = Duration.ofNanos(System.nanoTime() - startNs);
        OptionalLong recordedPages = OptionalLong.empty();
        Optional<String> notRecorded = Optional.empty();
        if (options.record()) {
            try {
                WorkingSet recorded = plan.recording()
                        .orElse(new WorkingSet(List.of()))
                        .and(pages(counters.touches(), hostPageBytes));
                recorded.keep(snapshot);
                recordedPages = OptionalLong.of(recorded.pages().size());
            } catch (IOException e) {
                notRecorded = Optional.of(e.toString());
            }
        }
        return new LazyRestoreResult(
                snapshot.vmState().configuration().machineType(),
                snapshot.layout().totalBytes(),
                destination.runState(),
                Optional.ofNullable(untilRun),
                total,
                plan.policy(),
                counters.totals(),
                counters.latencies(),
                recordedPages,
                notRecorded);
    }

    private static Set<PagePlace> pages(List<PagePlace> hostPages, List<Long> hostPageBytes) {
        Set<PagePlace> pages = new LinkedHashSet<>();
        for (PagePlace place : hostPages) {
            long each = hostPageBytes.get(place.blockIndex()) / Page.SIZE_BYTES;
            for (long page = place.page() * each; page < (place.page() + 1) * each; page++) {
                pages.add(new PagePlace(place.blockIndex(), page));
            }
        }
        return pages;
    }

    private MigrationException failed(IOException e, PostcopyQemu destination) {
        if (destination.hasEnded() && guestIsThere) {
            qemuHasEnded = true;
            return new MigrationException(
                    "that QEMU has ended, and with it what the guest did there, if it ran at all; its standard error"
                            + " output says why; the snapshot is untouched and can be restored again",
                    GuestLocation.GUEST_AT_SOURCE,
                    e);
        }
        String message = e.getMessage() == null ? e.toString() : e.getMessage();
        if (e instanceof UnreadablePageException || isClosed()) {
            return located(message, destination.recoversByItself(), e);
        }
        IOException explained = destination.explained(e);
        return located(
                explained.getMessage() == null ? message : explained.getMessage(),
                destination.recoversByItself(),
                explained);
    }

    private MigrationException located(String message, boolean controlled, Exception cause) {
        String what = isClosed() ? "the restore was cancelled" : message;
        if (!guestIsThere) {
            return new MigrationException(
                    what
                            + " (the guest is still in the snapshot, which is untouched; that QEMU has to be started anew)",
                    GuestLocation.GUEST_AT_SOURCE,
                    cause);
        }
        PostcopyCounters.Totals totals = counters.totals();
        return new MigrationException(
                "%s (the guest is at the destination and blocks on pages that are not there; %s were sent; to go on, %s)"
                        .formatted(
                                what,
                                ByteSize.format(totals.requestedBytes() + totals.pushedBytes()),
                                controlled || options.destination() instanceof RestoreOptions.Destination.Deferred
                                        ? "run the same command with --resume"
                                        : "have that QEMU listen by migrate-recover, then run the same command with"
                                                + " --resume and --to where it listens"),
                GuestLocation.GUEST_AT_DESTINATION,
                cause);
    }

    private synchronized MigrationChannel opened(MigrationChannel connection) throws IOException {
        channel = connection;
        if (closed) {
            connection.close();
            throw new IOException("closed");
        }
        return connection;
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    /** Ends {@link #run} if it is under way, by hanging up; a guest that runs blocks from then on. */
    @Override
    public synchronized void close() throws IOException {
        closed = true;
        if (channel != null) {
            channel.close();
        }
    }
}
