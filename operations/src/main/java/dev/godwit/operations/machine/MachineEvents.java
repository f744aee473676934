package dev.godwit.operations.machine;

import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MachineEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Hands events to whoever has subscribed, to everybody in the same order. Thread-safe. */
final class MachineEvents implements Consumer<MachineEvent> {

    private final List<Consumer<MachineEvent>> listeners = new ArrayList<>();

    @Override
    public synchronized void accept(MachineEvent event) {
        for (Consumer<MachineEvent> listener : listeners) {
            listener.accept(event);
        }
    }

    synchronized MachineControl.Subscription subscribe(Consumer<MachineEvent> listener) {
        listeners.add(listener);
        return () -> {
            synchronized (this) {
                listeners.remove(listener);
            }
        };
    }
}
