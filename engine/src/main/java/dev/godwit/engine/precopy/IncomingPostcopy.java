package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.postcopy.IncomingRest;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * The part of an incoming migration that begins when the source goes over to postcopy. The thread that calls
 * {@link #run} loads the devices and starts the guest; another one, which {@link IncomingRest#beside} has waiting,
 * receives pages meanwhile, which the devices may need.
 *
 * <p>From the start of the guest on nothing ends it but the last page: when the connection breaks, whoever waits for a
 * page goes on waiting, until the source is back.
 */
final class IncomingPostcopy {

    private static final Logger LOG = System.getLogger("dev.godwit.engine");

    private final IncomingPrecopy migration;
    private final IncomingStream.Arrived arrived;
    private final IncomingRest rest;
    private final IncomingStream stream;
    private final CountDownLatch started = new CountDownLatch(1);
    private final CountDownLatch received = new CountDownLatch(1);
    private volatile @Nullable Throwable loadFailure;
    private volatile @Nullable Throwable receiveFailure;

    IncomingPostcopy(
            IncomingPrecopy migration, IncomingStream.Arrived arrived, IncomingRest rest, IncomingStream stream) {
        this.migration = migration;
        this.arrived = arrived;
        this.rest = rest;
        this.stream = stream;
    }

    /** {@return why the guest is not here with all of its RAM; null where it is} */
    @Nullable
    Throwable run() throws IOException {
        migration.step(new MigrationTrigger.Listening(), stream, rest);
        rest.beside(this::receive);
        load();
        started.countDown();
        await(received);
        return loadFailure == null ? receiveFailure : loadFailure;
    }

    private void receive() {
        try {
            receiveAll();
        } catch (IOException | RuntimeException | Error e) {
            receiveFailure = e;
            giveUpUnlessStarted(e);
        } finally {
            received.countDown();
        }
    }

    private void load() {
        try {
            migration.load(arrived.state());
            rest.loaded();
            migration.step(new MigrationTrigger.Loaded(), stream, rest);
            rest.started();
        } catch (IOException | RuntimeException | Error e) {
            loadFailure = e;
            giveUpUnlessStarted(e);
        }
    }

    private void giveUpUnlessStarted(Throwable why) {
        boolean never = false;
        try {
            never = migration.failUnlessStarted(IncomingPrecopy.reason(why), stream, rest);
        } catch (IOException e) {
            why.addSuppressed(e);
        }
        if (never) {
            rest.abandon();
        }
    }

    private void receiveAll() throws IOException {
        boolean complete = false;
        while (!complete) {
            try {
                rest.receive(this::resumed);
                await(started);
                if (loadFailure != null) {
                    return;
                }
                rest.end();
                complete = true;
            } catch (IOException | RuntimeException | Error e) {
                if (loadFailure != null) {
                    return;
                }
                broken(e);
                rest.awaitSource();
                migration.step(new MigrationTrigger.Reconnected(), stream, rest);
            }
        }
        confirm();
    }

    private void broken(Throwable e) throws IOException {
        LOG.log(
                Level.WARNING,
                "Postcopy is paused: " + IncomingPrecopy.reason(e)
                        + "; whoever needs a page that is not here waits until the source is back (migrate-recover)");
        LOG.log(Level.DEBUG, "Why the connection broke", e);
        migration.step(new MigrationTrigger.Broken(IncomingPrecopy.reason(e)), stream, rest);
    }

    private void resumed() {
        try {
            migration.step(new MigrationTrigger.Resumed(), stream, rest);
        } catch (IOException e) {
            throw new IllegalStateException(e); // it has no effect that could fail
        }
    }

    /** The guest is here with all of its RAM, whether the source hears of it or not. */
    private void confirm() {
        try {
            migration.step(new MigrationTrigger.AllReceived(), stream, rest);
        } catch (IOException e) {
            LOG.log(Level.WARNING, "The guest is here, but the source could not be told: " + e.getMessage());
        }
    }

    private static void await(CountDownLatch latch) {
        boolean interrupted = false;
        while (latch.getCount() > 0) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                interrupted = true; // the machine may not go before its devices are loaded and nobody receives pages
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
