package dev.godwit.engine.precopy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.DestinationStates;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationEffect;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationState;
import dev.godwit.engine.migration.MigrationTransition;
import dev.godwit.engine.migration.MigrationTrigger;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.IncomingRest;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The migration of a live machine to here: its RAM is received into the memory of a machine that stands still, then its
 * devices; the guest is started, and only then the source is told. Where the source goes over to postcopy, the devices
 * come first, and {@link IncomingPostcopy} takes over.
 *
 * <p>Order of calls: {@link #listening}, then {@link #run} on a platform thread of its own, or {@link #failed}. The
 * other methods may be called by any thread.
 */
public final class IncomingPrecopy {

    private final Machine machine;
    private final MachineRun machineRun;
    private final Consumer<MachineEvent> statusEvents;
    private final CountDownLatch answered = new CountDownLatch(1);
    private volatile MigrationState state = new MigrationState.Idle();
    private RunStatus before = RunStatus.RUNNING;

    /**
     * A migration.
     *
     * @param machine paused, and not closed here
     * @param machineRun the machine's, {@code INMIGRATE}
     * @param statusEvents hears of the status; one that hears nothing where capability {@code events} is off
     */
    public IncomingPrecopy(Machine machine, MachineRun machineRun, Consumer<MachineEvent> statusEvents) {
        this.machine = machine;
        this.machineRun = machineRun;
        this.statusEvents = statusEvents;
    }

    /** The source may connect from now on. */
    public void listening() {
        follow(DestinationStates.next(state, new MigrationTrigger.Begin()));
    }

    /** The source did not come. */
    public void failed(String error) {
        follow(DestinationStates.next(state, new MigrationTrigger.Failure(error)));
    }

    /**
     * Receives the guest. When this returns, it is here, and the source has been told.
     *
     * @param stream from the source; closed here
     * @throws MigrationException if it failed: the source keeps the guest, and this machine does not run it; or, once
     *     the guest has been given to this side, the machine ends before all of its RAM is here
     */
    public void run(IncomingStream stream) throws MigrationException {
        follow(DestinationStates.next(state, new MigrationTrigger.SetUp()));
        IOException closing = null;
        Throwable failure = receive(stream);
        answered.countDown();
        try {
            stream.close();
        } catch (IOException e) {
            closing = e;
        }
        if (failure != null) {
            if (closing != null) {
                failure.addSuppressed(closing);
            }
            GuestLocation where = state instanceof MigrationState.Failed(var _, GuestLocation guest)
                    ? guest
                    : GuestLocation.GUEST_LOST;
            throw new MigrationException(reason(failure), where, failure);
        }
    }

    private @Nullable Throwable receive(IncomingStream stream) {
        try {
            IncomingStream.Arrived arrived = stream.receive();
            if (arrived.rest().isPresent()) {
                before = arrived.before();
                return new IncomingPostcopy(this, arrived, arrived.rest().get(), stream).run();
            }
            checkDevices(arrived.state());
            machine.load(arrived.state());
            before = arrived.before();
            act(DestinationStates.next(state, new MigrationTrigger.Loaded()), stream);
            follow(DestinationStates.next(state, new MigrationTrigger.Confirmed()));
            return null;
        } catch (IOException | RuntimeException | Error e) {
            try {
                act(DestinationStates.next(state, new MigrationTrigger.Failure(reason(e))), stream);
            } catch (IOException second) {
                e.addSuppressed(second);
            }
            return e;
        }
    }

    /** Puts the devices of a guest into the machine, which stands still. */
    void load(MachineState arrived) throws IOException {
        checkDevices(arrived);
        machine.load(arrived);
    }

    static String reason(Throwable failure) {
        if (failure instanceof ClosedChannelException) {
            return "the connection was closed on this side"; // by migrate-pause, or because another one broke
        }
        String message = failure.getMessage();
        return message == null || !(failure instanceof IOException) ? failure.toString() : message;
    }

    /** A device that this machine has not would be lost without a word. */
    private void checkDevices(MachineState arrived) throws IOException {
        Set<String> own = new HashSet<>();
        for (DeviceState device : machine.save().devices()) {
            own.add(name(device));
        }
        Set<String> seen = new HashSet<>();
        for (DeviceState device : arrived.devices()) {
            if (!own.contains(name(device))) {
                throw new IOException("device sections: expected those of %s, %s, found %s"
                        .formatted(machine.type(), own, name(device)));
            }
            if (!seen.add(name(device))) {
                throw new IOException("device sections: expected each once, found %s again".formatted(name(device)));
            }
        }
        own.removeAll(seen);
        if (!own.isEmpty()) {
            throw new IOException("device sections: expected %s too, found only %s".formatted(own, seen));
        }
    }

    private static String name(DeviceState device) {
        return device.idstr() + "/" + Integer.toUnsignedString(device.instanceId());
    }

    private void follow(MigrationTransition transition) {
        state = transition.state();
        for (MigrationEffect effect : transition.effects()) {
            if (effect == MigrationEffect.TELL_STATUS) {
                statusEvents.accept(new MachineEvent.StatusChanged(state.status()));
            }
        }
    }

    private void act(MigrationTransition transition, IncomingStream stream) throws IOException {
        state = transition.state();
        for (MigrationEffect effect : transition.effects()) {
            switch (effect) {
                case START_GUEST -> machineRun.arrive(before);
                case CONFIRM -> stream.confirm();
                case STOP_GUEST -> machineRun.sendBack();
                case REFUSE -> stream.refuse();
                case TELL_STATUS -> statusEvents.accept(new MachineEvent.StatusChanged(state.status()));
                case CLOSE_CONNECTIONS, END_OUTPUT, TAKE_GUEST_BACK, GIVE_GUEST_UP -> throw new AssertionError(effect);
            }
        }
    }

    /**
     * A step in postcopy, where several threads make them. A guest that cannot be started has not been.
     *
     * @throws IOException if an effect fails; the state is the old one only where the guest cannot be started
     */
    synchronized void step(MigrationTrigger trigger, IncomingStream stream, IncomingRest rest) throws IOException {
        MigrationTransition transition = DestinationStates.next(state, trigger);
        if (transition.effects().contains(MigrationEffect.START_GUEST)) {
            machineRun.arrive(before);
        }
        state = transition.state();
        for (MigrationEffect effect : transition.effects()) {
            switch (effect) {
                case START_GUEST -> {} // above
                case CONFIRM -> stream.confirm();
                case REFUSE -> stream.refuse();
                case CLOSE_CONNECTIONS -> rest.breakOff();
                case TELL_STATUS -> statusEvents.accept(new MachineEvent.StatusChanged(state.status()));
                case STOP_GUEST, END_OUTPUT, TAKE_GUEST_BACK, GIVE_GUEST_UP -> throw new AssertionError(effect);
            }
        }
    }

    /**
     * Ends a postcopy whose guest has not been started, and never will be then.
     *
     * @return whether it is so; otherwise nothing was done
     */
    synchronized boolean failUnlessStarted(String error, IncomingStream stream, IncomingRest rest) throws IOException {
        if (state instanceof MigrationState.IncomingPostcopy(var _, boolean started, var _) && !started) {
            step(new MigrationTrigger.Failure(error), stream, rest);
        }
        return state instanceof MigrationState.Failed;
    }

    /**
     * Waits while the guest runs here already and its source is being told so: whoever has heard that at the source
     * finds it true here. Returns at once in every other state.
     *
     * @param longestWaitMs after which it returns all the same
     */
    public void awaitAnswered(long longestWaitMs) {
        if (state instanceof MigrationState.Handover) {
            try {
                answered.await(longestWaitMs, TimeUnit.MILLISECONDS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** {@return where it stands} */
    public MigrationState state() {
        return state;
    }

    /** {@return how it stands, for {@code query-migrate}; without the addresses it listens at} */
    public MigrationReport report() {
        MigrationState now = state;
        return new MigrationReport(
                now.status(),
                error(now),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                Optional.empty(),
                OptionalInt.empty(),
                List.of(),
                List.of());
    }

    private static Optional<String> error(MigrationState now) {
        if (now instanceof MigrationState.Failed(String error, var _)) {
            return Optional.of(error);
        }
        return now instanceof MigrationState.IncomingPostcopy(var _, var _, String error) && !error.isEmpty()
                ? Optional.of(error)
                : Optional.empty();
    }
}
