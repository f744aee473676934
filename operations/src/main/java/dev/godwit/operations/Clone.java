package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.qmp.QmpAddress;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One of the clones of a snapshot: what it does on its thread, and how it stands for whoever asks. */
final class Clone {

    /** Brings a guest up; closing it ends that. */
    interface Work extends Closeable {
        /** {@return how long it took until all of its RAM was there} */
        Duration run() throws MigrationException;
    }

    private final QmpAddress destination;
    private final PushPace pace;
    private final Work work;
    private final @Nullable LazyRestore lazy;
    private @Nullable Duration untilComplete;
    private CloneStatus.@Nullable Failure failure;
    private boolean ended;

    private Clone(QmpAddress destination, PushPace pace, Work work, @Nullable LazyRestore lazy) {
        this.destination = destination;
        this.pace = pace;
        this.work = work;
        this.lazy = lazy;
    }

    /** A clone that gets its pages over a connection. */
    static Clone lazy(QmpAddress destination, PushPace pace, LazyRestore restore, Work work) {
        return new Clone(destination, pace, work, restore);
    }

    /** A clone that gets its pages by the kernel. */
    static Clone mapped(QmpAddress destination, Work work) {
        return new Clone(destination, new PushPace(), work, null);
    }

    QmpAddress destination() {
        return destination;
    }

    PushPace pace() {
        return pace;
    }

    /** Does its work; whatever comes of it is in the status. */
    void run() {
        try {
            Duration time = work.run();
            synchronized (this) {
                untilComplete = time;
            }
        } catch (MigrationException e) {
            fail(String.valueOf(e.getMessage()), e.guestLocation());
        } catch (RuntimeException e) {
            fail("a defect in godwit: " + e, GuestLocation.GUEST_AT_SOURCE);
        }
    }

    private void fail(String message, GuestLocation location) {
        boolean wasLeft = lazy != null && lazy.qemuHasEnded() && pace.residency() != Residency.FULL;
        synchronized (this) {
            ended = wasLeft;
            failure = wasLeft ? null : new CloneStatus.Failure(message, location);
        }
    }

    void close() throws IOException {
        work.close();
    }

    synchronized CloneStatus status() {
        Optional<Duration> untilRun = lazy == null ? Optional.ofNullable(untilComplete) : lazy.untilRun();
        PostcopyCounters counters = lazy == null ? new PostcopyCounters() : lazy.counters();
        return new CloneStatus(
                destination,
                state(lazy != null && lazy.guestIsThere()),
                pace.residency(),
                untilRun,
                Optional.ofNullable(untilComplete),
                counters.totals(),
                lazy == null ? List.of() : counters.latencies(),
                Optional.ofNullable(failure));
    }

    private CloneStatus.State state(boolean runs) {
        if (failure != null) {
            return CloneStatus.State.FAILED;
        }
        if (untilComplete != null) {
            return CloneStatus.State.COMPLETE;
        }
        return ended ? CloneStatus.State.ENDED : runs ? CloneStatus.State.RUNNING : CloneStatus.State.STARTING;
    }
}
