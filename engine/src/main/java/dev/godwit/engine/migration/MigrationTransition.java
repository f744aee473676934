package dev.godwit.engine.migration;

import java.util.List;

/**
 * A step from one state to the next.
 *
 * @param state the new one, or the old one where the trigger changes nothing
 * @param effects what has to be done, in this order
 */
public record MigrationTransition(MigrationState state, List<MigrationEffect> effects) {

    /** Copies the list. */
    public MigrationTransition {
        effects = List.copyOf(effects);
    }

    static MigrationTransition to(MigrationState state, MigrationEffect... effects) {
        return new MigrationTransition(state, List.of(effects));
    }

    static IllegalStateException impossible(MigrationState state, MigrationTrigger trigger) {
        return new IllegalStateException(trigger + " in " + state);
    }
}
