package dev.godwit.engine.precopy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineSource;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.postcopy.GuestReturnedException;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.engine.postcopy.ReleasedRam;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What follows once the guest has gone first: the rest of its RAM, over one connection after the other, until the
 * destination says that it has all of it. This side keeps the pages until then, whatever happens to the connections.
 *
 * <p>{@link #run} belongs to the migration's thread; what a user wants comes from any.
 */
final class PostcopyPhase {

    private static final String LOST =
            "; the guest is at the destination, where it waits for the pages that it has not got, and this side holds"
                    + " them: do not end it. To go on, migrate-recover there, and migrate with resume here";

    private static final String UNKNOWN =
            "; the destination has not said yet whether it got as far as to run the guest,"
                    + " which this side does not run again: look there. If it did, migrate-recover there, and migrate with resume"
                    + " here";

    private static final long MIB = 1 << 20;
    private static final System.Logger LOG = System.getLogger("dev.godwit.engine");

    private final Machine machine;
    private final OutgoingState state;
    private final PrecopySettings settings;
    private final LapStatistics statistics;
    private final PostcopyCounters counters = new PostcopyCounters();
    private Supplier<List<PagePlace>> recent = List::of;
    private @Nullable PostcopyStream stream;
    private volatile @Nullable PageClaims claims;
    private @Nullable PostcopyReconnector reconnector;
    private volatile boolean runs;
    private boolean pausedByUser;
    private boolean abandoned;

    private @Nullable PostcopyRam releasable;
    private @Nullable ReleasedRam released;

    PostcopyPhase(Machine machine, OutgoingState state, PrecopySettings settings, LapStatistics statistics) {
        this.machine = machine;
        this.state = state;
        this.settings = settings;
        this.statistics = statistics;
    }

    /** Has memory given back once it is sent, where the capability {@code release-ram} is on. */
    void releasing(PostcopyRam ram) {
        releasable = ram;
    }

    PostcopyCounters counters() {
        return counters;
    }

    /** {@return how much nobody has begun to send} */
    long remainingBytes() {
        PageClaims now = claims;
        return now == null ? 0 : now.bytesToPush();
    }

    /** {@return what is to be sent over the first connection} */
    PostcopyWork firstWork(PrecopyLap.Rest rest) {
        recent = rest.recent();
        if (releasable != null && settings.has(MigrationCapability.RELEASE_RAM)) {
            released = new ReleasedRam(releasable, rest.claims().copy(), this::runs);
        }
        return work(rest.claims());
    }

    private PostcopyWork work(PageClaims left) {
        PostcopyWork.Listener listener = released;
        claims = left;
        return new PostcopyWork(
                new MachineSource(machine.memory()),
                left,
                order(left),
                counters,
                new PushPace(),
                () -> settings.parameters().get().number(MigrationParameter.MAX_POSTCOPY_BANDWIDTH),
                Progress.NONE,
                listener == null ? PostcopyWork.onRun(this::runs) : listener);
    }

    private void runs() {
        statistics.guestRuns(settings.clock().nanoTime());
        runs = true;
    }

    private PushOrder order(PageClaims left) {
        return switch (PushPolicy.parse(settings.parameters().get().text(MigrationParameter.X_POSTCOPY_ORDER))) {
            case LINEAR -> PushOrder.linear(left);
            case FAULT_FORWARD -> PushOrder.faultForward(left);
            case RECORDED -> PushOrder.recorded(left, recent.get());
        };
    }

    /** The guest has gone. */
    void begin(PostcopyStream first) {
        synchronized (state) {
            stream = first;
            state.handedOver();
            if (abandoned) {
                abandon();
            }
        }
    }

    /** {@return whether the guest has gone} */
    boolean hasBegun() {
        synchronized (state) {
            return stream != null;
        }
    }

    /**
     * Sends the rest. Returns when the destination has all of it, or the guest is lost or here again.
     *
     * @param log is closed when the first connection has ended, before anybody hears of that: to lift the protection of
     *     all memory takes milliseconds, for which a guest that is just being started there would wait
     */
    void run(DirtyLog log) throws InterruptedIOException {
        PostcopyStream next;
        synchronized (state) {
            next = stream;
        }
        while (next != null && !isSent(next, log)) {
            next = reconnected().orElse(null);
        }
    }

    /** Sends over one connection. {@return whether nothing is left to be done} */
    private boolean isSent(PostcopyStream connected, DirtyLog log) {
        MigrationTrigger end = sent(connected);
        close(log);
        if (released != null && end instanceof MigrationTrigger.Confirmed) {
            released.end(); // before the end is told, with which the memory may go
        }
        try {
            connected.close();
        } catch (IOException _) {
            // what matters has been said
        }
        synchronized (state) {
            if (state.now().status().isUnderWay()) {
                state.apply(end);
            }
            if (state.now() instanceof MigrationState.Completed) {
                state.tellTheEnd(null);
            }
            return !state.now().status().isUnderWay();
        }
    }

    private static void close(DirtyLog log) {
        try {
            log.close();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "the record of what the guest wrote here cannot be closed", e);
        }
    }

    private MigrationTrigger sent(PostcopyStream connected) {
        try {
            connected.sendRest();
            return new MigrationTrigger.Confirmed();
        } catch (GuestReturnedException e) {
            return new MigrationTrigger.Refused(Conclusion.reason(e));
        } catch (IOException | RuntimeException e) {
            return lost(e);
        }
    }

    private MigrationTrigger lost(Exception cause) {
        synchronized (state) {
            String why = pausedByUser ? "Postcopy migration is paused by the user" : Conclusion.reason(cause);
            pausedByUser = false;
            return new MigrationTrigger.Failure(why + (runs ? LOST : UNKNOWN));
        }
    }

    /** Waits to be resumed, again and again. {@return the new connection; empty where the end came first} */
    private Optional<PostcopyStream> reconnected() throws InterruptedIOException {
        while (true) {
            state.awaitWhile(() -> state.now() instanceof MigrationState.PostcopyPaused, Long.MAX_VALUE);
            PostcopyReconnector wanted;
            synchronized (state) {
                if (!state.now().status().isUnderWay() || reconnector == null) {
                    return Optional.empty();
                }
                wanted = reconnector;
            }
            Optional<PostcopyStream> resumed = resumed(wanted);
            if (resumed.isPresent()) {
                return resumed;
            }
        }
    }

    private Optional<PostcopyStream> resumed(PostcopyReconnector wanted) {
        PostcopyStream made = null;
        try {
            made = wanted.reconnect(work(new PageClaims(
                    new MachineSource(machine.memory()), machine.memory().hostPageBytes())));
            state.reconnected(new Reconnection(made));
            advance(new MigrationTrigger.Reconnected());
            made.resume();
            counters.reconnected();
            advance(new MigrationTrigger.Resumed());
            return Optional.of(made);
        } catch (IOException | RuntimeException e) {
            if (made != null) {
                try {
                    made.close();
                } catch (IOException suppressed) {
                    e.addSuppressed(suppressed);
                }
            }
            synchronized (state) {
                if (state.now().status().isUnderWay()) {
                    state.apply(lost(e));
                }
            }
            return Optional.empty();
        }
    }

    private void advance(MigrationTrigger trigger) throws IOException {
        synchronized (state) {
            if (!state.now().status().isUnderWay()) {
                throw new IOException("the source ends");
            }
            state.apply(trigger);
        }
    }

    /** A connection made anew, as what ends it sees it. */
    private record Reconnection(PostcopyStream stream) implements OutgoingConnection {

        @Override
        public boolean hasReturnPath() {
            return true;
        }

        @Override
        public void endOutput() {
            abort();
        }

        @Override
        public void abort() {
            stream.abort();
        }
    }

    void pause() throws ControlException {
        synchronized (state) {
            if (!(state.now() instanceof MigrationState.PostcopyActive)
                    && !(state.now() instanceof MigrationState.PostcopyRecover)) {
                throw new ControlException("migrate-pause is currently only supported during postcopy-active or"
                        + " postcopy-recover state");
            }
            pausedByUser = true;
            state.connection().ifPresent(OutgoingConnection::abort);
        }
    }

    void resume(PostcopyReconnector wanted) throws ControlException {
        synchronized (state) {
            if (!(state.now() instanceof MigrationState.PostcopyPaused)) {
                throw new ControlException("Cannot resume if there is no paused migration");
            }
            if (settings.has(MigrationCapability.RELEASE_RAM)) {
                throw new ControlException("Postcopy recovery cannot work when release-ram capability is set");
            }
            reconnector = wanted;
            state.apply(new MigrationTrigger.Resume());
        }
    }

    /** {@return what it means if this process ends now; empty where no guest has gone first that is not whole there} */
    Optional<String> lossAtEnd() {
        synchronized (state) {
            return stream != null && state.now().status().isUnderWay()
                    ? Optional.of("the source ended before its guest, which is at the destination, had all its RAM: "
                            + (remainingBytes() + MIB - 1) / MIB
                            + " MiB that only the source had are lost, and the guest blocks where it needs them")
                    : Optional.empty();
        }
    }

    /** The process ends: where the guest has gone first, it is lost. Otherwise that will be so when it goes. */
    void abandon() {
        synchronized (state) {
            abandoned = true;
            lossAtEnd().ifPresent(error -> state.apply(new MigrationTrigger.Abandon(error)));
        }
    }
}
