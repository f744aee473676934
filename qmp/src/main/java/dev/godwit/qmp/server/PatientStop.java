package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MigrationStatus;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Stops the guest, and hangs no monitor where that cannot be: a vCPU that waits for a page that nobody brings does not
 * stop. The stop stays asked for, and takes effect when the page comes; until then whatever would wait behind it is
 * refused. Thread-safe; one for all clients of a machine.
 */
final class PatientStop {

    private static final long LOOK_AGAIN_MS = 100;

    /** Shorter ones pass: the status says so a moment before the connection is mended, or just after. */
    private static final int LOOKS_AT_A_STALL = 20;

    private final MachineControl control;
    private @Nullable CompletableFuture<Void> asked;

    PatientStop(MachineControl control) {
        this.control = control;
    }

    /**
     * Stops the guest.
     *
     * @throws ControlException if it cannot be stopped, or not before a page comes
     */
    void stop() throws ControlException {
        CompletableFuture<Void> stopped = ask();
        int stalls = 0;
        while (true) {
            try {
                stopped.get(LOOK_AGAIN_MS, TimeUnit.MILLISECONDS);
                return;
            } catch (TimeoutException _) {
                stalls = isStalled() ? stalls + 1 : 0;
                if (stalls == LOOKS_AT_A_STALL) {
                    throw refusal();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new ControlException("interrupted while the guest was being stopped", e);
            } catch (ExecutionException e) {
                if (e.getCause() instanceof ControlException refused) {
                    throw new ControlException(String.valueOf(refused.getMessage()), refused);
                }
                throw new IllegalStateException(String.valueOf(e.getCause()), e);
            }
        }
    }

    private synchronized CompletableFuture<Void> ask() throws ControlException {
        refuseWhileAsked();
        CompletableFuture<Void> stopped = new CompletableFuture<>();
        asked = stopped;
        Thread.ofVirtual().name("qmp-stop").start(() -> {
            try {
                control.stop();
                stopped.complete(null);
            } catch (ControlException | RuntimeException e) {
                stopped.completeExceptionally(e);
            }
        });
        return stopped;
    }

    private boolean isStalled() {
        return control.migration().status() == MigrationStatus.POSTCOPY_PAUSED;
    }

    private ControlException refusal() {
        return new ControlException("the guest does not stop: a vCPU waits for a page that does not come"
                + control.migration()
                        .errorDescription()
                        .map(why -> " (" + why + ")")
                        .orElse("")
                + "; it stops when the page is there");
    }

    private synchronized void refuseWhileAsked() throws ControlException {
        if (asked != null && !asked.isDone() && isStalled()) {
            throw refusal();
        }
    }

    /** {@return the command, refused while the guest ought to stop and cannot} It would have to wait for that. */
    QmpCommand behind(QmpCommand command) {
        boolean waits = !command.name().startsWith("query-")
                && !command.name().equals("quit")
                && !command.name().equals("migrate_cancel")
                && !command.outOfBand();
        return waits
                ? QmpCommand.answering(command.name(), arguments -> {
                    refuseWhileAsked();
                    return command.body().execute(arguments);
                })
                : command;
    }
}
