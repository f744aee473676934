package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpException;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import dev.godwit.transport.MigrationChannel;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Started with {@code -incoming defer}, and told through QMP to take a guest by postcopy, or to take its source back.
 *
 * <p>While the guest waits for pages, QEMU's main loop may wait too, for one that it touched itself: what has to work
 * then is said out of band, and everything else may take no longer than {@link DeferredQemu#ASKING}.
 */
final class ControlledPostcopyQemu extends PostcopyQemu {

    private static final Duration LONGEST_RECOVERY = Duration.ofSeconds(30);
    private static final Duration LONGEST_END = Duration.ofSeconds(60);
    private static final int POLL_MS = 10;

    private final DeferredQemu qemu;
    private final QmpClient qmp;
    private final boolean preempt;
    private boolean mayHaveGuest;

    ControlledPostcopyQemu(DeferredQemu qemu, boolean preempt) {
        this.qemu = qemu;
        this.qmp = qemu.qmp();
        this.preempt = preempt;
    }

    @Override
    List<Long> hostPagesUnder(RamLayout layout, String machineType, boolean resume) throws IOException {
        if (resume) {
            qemu.takeUpSession();
            mayHaveGuest = true;
            return hostPagesOfRunning(layout);
        }
        if (preempt && qemu.monitor().version().startsWith("7.")) {
            throw new IOException("QEMU " + qemu.monitor().version()
                    + " crashes, and the guest with it, when a postcopy with a second connection breaks off;"
                    + " leave out --preempt");
        }
        qemu.checkWaits("start it with -incoming defer, or give --resume if it has this guest already");
        qemu.checkMachine(machineType);
        return qemu.hostPagesUnder(layout);
    }

    /** The main loop of a QEMU that waits for a page does not answer. */
    private List<Long> hostPagesOfRunning(RamLayout layout) throws IOException {
        try {
            return qemu.hostPagesUnder(layout);
        } catch (QmpException e) {
            throw e;
        } catch (IOException e) {
            if (!qmp.isConnected()) {
                throw e;
            }
            return Collections.nCopies(layout.blocks().size(), (long) Page.SIZE_BYTES);
        }
    }

    @Override
    MigrationChannel connect() throws IOException {
        Set<String> capabilities = new LinkedHashSet<>(Set.of("events", "postcopy-ram"));
        if (preempt) {
            capabilities.add("postcopy-preempt");
        }
        PostcopySession.forget(qmp.address());
        MigrationChannel channel = qemu.listenAndConnect(capabilities);
        mayHaveGuest = true;
        qemu.keepSession();
        return channel;
    }

    @Override
    MigrationChannel connectAgain() throws IOException {
        return qemu.connect();
    }

    @Override
    Optional<MigrationChannel> recover() throws IOException {
        long deadlineNs = System.nanoTime() + LONGEST_RECOVERY.toNanos();
        while (true) {
            JsonObject address = JsonObject.of("uri", qemu.nextUri().toString());
            try {
                qmp.executeOutOfBand("migrate-recover", address, DeferredQemu.ASKING);
                return Optional.of(qemu.connect());
            } catch (QmpException e) {
                Optional<MigrationStatus> status = qemu.status();
                if (status.filter(MigrationStatus::isCompleted).isPresent()) {
                    return Optional.empty();
                }
                if (status.filter(now -> !now.isUnderWay()).isPresent()) {
                    throw new MigrationException(
                            "that QEMU has no guest that waits for its source (its migration is '"
                                    + status.get().status()
                                    + "'); the guest is still in the snapshot, and without --resume it is restored",
                            GuestLocation.GUEST_AT_SOURCE,
                            e);
                }
                if (System.nanoTime() > deadlineNs) {
                    throw e;
                }
                pause();
            }
            sleep();
        }
    }

    /** A QEMU whose source fell silent takes it for slow until it is told. */
    private void pause() throws IOException {
        try {
            qmp.executeOutOfBand("migrate-pause", JsonObject.empty(), DeferredQemu.ASKING);
        } catch (QmpException _) {
            // It is paused already, or not yet where it can be.
        }
    }

    private static void sleep() throws IOException {
        try {
            Thread.sleep(POLL_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for the destination");
        }
    }

    @Override
    boolean recoversByItself() {
        return qmp.isConnected();
    }

    /**
     * A QEMU that loses its source just before it starts the guest ends, and one that has just started it pauses the
     * migration: it is waited until one or the other shows.
     */
    @Override
    boolean hasGuest() {
        long deadlineNs = System.nanoTime() + DeferredQemu.ASKING.toNanos();
        while (qmp.isConnected()) {
            Optional<MigrationStatus> status = qemu.status();
            if (!qmp.isConnected()) {
                return false;
            }
            if (status.isEmpty()) {
                return true; // a main loop that waits for a page does not answer
            }
            String word = status.get().status();
            boolean postcopy = word.startsWith("postcopy-");
            boolean undecided = word.equals("postcopy-active") || word.equals("active");
            if (!undecided || System.nanoTime() > deadlineNs) {
                return postcopy || status.get().isCompleted();
            }
            try {
                Thread.sleep(POLL_MS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return postcopy;
            }
        }
        return false;
    }

    @Override
    boolean hasEnded() {
        return !qmp.isConnected();
    }

    @Override
    IOException explained(IOException failure) {
        return qemu.explained(failure);
    }

    @Override
    void finish() throws IOException {
        long deadlineNs = System.nanoTime() + LONGEST_END.toNanos();
        while (true) {
            MigrationStatus status = qemu.statusAtEnd();
            if (status.isCompleted() && !qemu.runState().equals("inmigrate")) {
                break;
            }
            if (status.isFailed() || System.nanoTime() > deadlineNs) {
                throw explained(new IOException(
                        "the destination has all of RAM, and its migration is '" + status.status() + "'"));
            }
            sleep();
        }
        qemu.putBack();
    }

    @Override
    Optional<String> runState() throws IOException {
        return Optional.of(qemu.runState());
    }

    /**
     * Once the stream has begun, a QEMU keeps its settings until it has the guest whole, or has to be started anew
     * anyway. Who resumes the restore puts them back.
     */
    @Override
    public void close() throws IOException {
        try (qemu) {
            if (qmp.isConnected() && mayHaveGuest) {
                // One whose main loop hangs waits for a page, and so has the guest.
                if (qemu.status().map(MigrationStatus::isUnderWay).orElse(true)) {
                    qemu.leaveSession();
                }
            } else if (qmp.isConnected()) {
                qemu.putBack();
            }
        } catch (IOException e) {
            if (qmp.isConnected()) {
                throw e;
            }
        }
    }
}
