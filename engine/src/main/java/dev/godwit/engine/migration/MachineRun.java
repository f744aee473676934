package dev.godwit.engine.migration;

import dev.godwit.engine.machine.Machine;
import java.io.IOException;
import java.util.function.Consumer;

/**
 * Whether a machine's guest runs, and the one place where that changes: whoever stops it or lets it run on, a command
 * or a migration, does so here. A guest that a migration has taken away never runs here again.
 *
 * <p>Thread-safe. STOP and RESUME are told while the lock is held, so in order.
 */
public final class MachineRun {

    private final Machine machine;
    private final Consumer<MachineEvent> events;
    private volatile RunStatus status;
    private RunStatus beforeMigration = RunStatus.PAUSED;
    private boolean startOnArrival = true;

    /**
     * The run state of a machine that is paused.
     *
     * @param status {@code PRELAUNCH}, {@code PAUSED} or, where a migration is to bring the guest, {@code INMIGRATE}
     * @param events hears of STOP and RESUME
     */
    public MachineRun(Machine machine, RunStatus status, Consumer<MachineEvent> events) {
        this.machine = machine;
        this.status = status;
        this.events = events;
    }

    /**
     * {@return whether the guest runs, and if not why} Does not wait, while a guest is stopped that waits for a page.
     */
    public RunStatus status() {
        return status;
    }

    /** Says that the guest has stopped by itself: it has shut down, or its machine failed. */
    public synchronized void ended(RunStatus reason) {
        if (status != RunStatus.POSTMIGRATE) {
            status = reason;
            beforeMigration = reason;
        }
    }

    /** Stops the guest; one that waits for a migration will not start, one that is being migrated not run on. */
    public synchronized void stop() throws IOException {
        switch (status) {
            case RUNNING -> stopAs(RunStatus.PAUSED);
            case INMIGRATE -> startOnArrival = false;
            case FINISH_MIGRATE -> beforeMigration = RunStatus.PAUSED;
            case PRELAUNCH, PAUSED, POSTMIGRATE, SHUTDOWN, INTERNAL_ERROR -> {}
        }
    }

    /**
     * Lets the guest run; one that waits for a migration will start.
     *
     * @throws ControlException if a copy of it may run elsewhere, or it has ended
     * @throws IOException if the machine cannot; it is paused
     */
    public synchronized void cont() throws ControlException, IOException {
        switch (status) {
            case RUNNING -> {}
            case INMIGRATE -> startOnArrival = true;
            case PRELAUNCH, PAUSED -> run();
            case FINISH_MIGRATE, POSTMIGRATE, SHUTDOWN, INTERNAL_ERROR ->
                throw new ControlException("the guest cannot run: its run state is " + status.word());
        }
    }

    /** Something that is done while the guest stands still. */
    public interface WhileStopped {
        /**
         * Does it.
         *
         * @param before how the guest was
         */
        void run(RunStatus before) throws IOException;
    }

    /**
     * Stops the guest for a moment, and lets it go on as it was, whatever becomes of the work.
     *
     * @return for how long it stood still, in nanoseconds; 0 where it did not run
     * @throws IOException if the machine cannot be stopped, the work fails, or it cannot run on; it is paused then
     */
    public synchronized long whileStopped(WhileStopped work) throws IOException {
        RunStatus before = status;
        if (before != RunStatus.RUNNING) {
            work.run(before);
            return 0;
        }
        long startNs = System.nanoTime();
        stopAs(RunStatus.PAUSED);
        try {
            work.run(before);
        } finally {
            run();
        }
        return System.nanoTime() - startNs;
    }

    /**
     * Stops the guest so that it can move.
     *
     * @return how it was before, which goes with it
     * @throws IOException if the machine cannot be stopped; it is as it was
     */
    public synchronized RunStatus stopForMigration() throws IOException {
        beforeMigration = status;
        if (status == RunStatus.RUNNING) {
            stopAs(RunStatus.FINISH_MIGRATE);
        } else {
            status = RunStatus.FINISH_MIGRATE;
        }
        return beforeMigration;
    }

    /**
     * The migration came to nothing: the guest goes on here as it was. Does nothing where it was not stopped for one.
     *
     * @throws IOException if the machine cannot run on; it is paused
     */
    public synchronized void takeBack() throws IOException {
        if (status != RunStatus.FINISH_MIGRATE) {
            return;
        }
        status = beforeMigration == RunStatus.RUNNING ? RunStatus.PAUSED : beforeMigration;
        if (beforeMigration == RunStatus.RUNNING) {
            run();
        }
    }

    /** The destination has the guest: this copy never runs again. */
    public synchronized void giveUp() {
        status = RunStatus.POSTMIGRATE;
    }

    /**
     * The guest has arrived here.
     *
     * @param before how it was at the source; it runs here only if it ran there
     * @throws IOException if the machine cannot run; it is paused
     */
    public synchronized void arrive(RunStatus before) throws IOException {
        if (before == RunStatus.RUNNING && startOnArrival) {
            run();
        } else {
            status = before == RunStatus.RUNNING ? RunStatus.PAUSED : before;
        }
    }

    /** The source keeps the guest after all: this copy stands still and never runs. */
    public synchronized void sendBack() throws IOException {
        if (status == RunStatus.RUNNING) {
            stopAs(RunStatus.INTERNAL_ERROR);
        } else {
            status = RunStatus.INTERNAL_ERROR;
        }
    }

    private void stopAs(RunStatus as) throws IOException {
        machine.pause();
        status = as;
        events.accept(new MachineEvent.Stopped());
    }

    private void run() throws IOException {
        machine.resume();
        status = RunStatus.RUNNING;
        events.accept(new MachineEvent.Resumed());
    }
}
