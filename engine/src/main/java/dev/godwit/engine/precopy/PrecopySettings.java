package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameters;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What a precopy is told.
 *
 * @param capabilities those that are on; they stay as they are while it lasts
 * @param parameters is asked again and again: bandwidth, downtime and throttling may change while it lasts
 * @param events hears of the status and of passes, where capability {@code events} is on
 * @param clock what time it is
 */
public record PrecopySettings(
        Set<MigrationCapability> capabilities,
        Supplier<MigrationParameters> parameters,
        Consumer<MachineEvent> events,
        Clock clock) {

    /** Copies the set. */
    public PrecopySettings {
        capabilities = Set.copyOf(capabilities);
    }

    boolean has(MigrationCapability capability) {
        return capabilities.contains(capability);
    }

    void tell(MachineEvent event) {
        if (has(MigrationCapability.EVENTS)) {
            events.accept(event);
        }
    }
}
