package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.host.UserfaultfdWriteTracking;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The capabilities and parameters of a machine's migrations. Changed by one thread, read by any. */
final class MigrationSettings {

    private final Machine machine;
    private volatile Set<MigrationCapability> on = Set.of();
    private volatile MigrationParameters parameters = MigrationParameters.DEFAULTS;

    MigrationSettings(Machine machine) {
        this.machine = machine;
    }

    /** {@return every capability that there is, and whether it is on} */
    Map<MigrationCapability, Boolean> capabilities() {
        Map<MigrationCapability, Boolean> all = new EnumMap<>(MigrationCapability.class);
        Set<MigrationCapability> now = on;
        CapabilityRules.SUPPORTED.forEach(capability -> all.put(capability, now.contains(capability)));
        return all;
    }

    Set<MigrationCapability> on() {
        return on;
    }

    boolean has(MigrationCapability capability) {
        return on.contains(capability);
    }

    MigrationParameters parameters() {
        return parameters;
    }

    void change(Map<MigrationCapability, Boolean> changes) throws ControlException {
        Set<MigrationCapability> next = EnumSet.noneOf(MigrationCapability.class);
        next.addAll(on);
        changes.forEach((capability, state) -> {
            if (state) {
                next.add(capability);
            } else {
                next.remove(capability);
            }
        });
        CapabilityRules.check(next);
        if (next.contains(MigrationCapability.BACKGROUND_SNAPSHOT) && !has(MigrationCapability.BACKGROUND_SNAPSHOT)) {
            checkWriteTracking();
        }
        on = Set.copyOf(next);
    }

    /** In QEMU's words, with the reason. */
    private void checkWriteTracking() throws ControlException {
        Optional<String> missing = UserfaultfdWriteTracking.missing(machine.isWrittenByKernel());
        if (missing.isPresent()) {
            throw new ControlException("Background-snapshot is not supported by host kernel: " + missing.get());
        }
        Optional<String> incompatible = UserfaultfdWriteTracking.incompatible(machine);
        if (incompatible.isPresent()) {
            throw new ControlException(
                    "Background-snapshot is not compatible with guest memory configuration: " + incompatible.get());
        }
    }

    /**
     * Refuses what QEMU refuses when a migration begins.
     *
     * @throws ControlException if pages are to be compressed that have fixed places
     */
    void checkTogether() throws ControlException {
        if (has(MigrationCapability.MAPPED_RAM)
                && has(MigrationCapability.MULTIFD)
                && !parameters.text(MigrationParameter.MULTIFD_COMPRESSION).equals("none")) {
            throw new ControlException("Cannot use compression with mapped-ram");
        }
    }

    void changeParameters(Map<MigrationParameter, Object> changes) throws ControlException {
        MigrationParameters next = parameters.with(changes);
        if (!next.text(MigrationParameter.TLS_AUTHZ).isEmpty()) {
            throw new ControlException(
                    "the parameter 'tls-authz' is not supported: every certificate of the" + " authority is let in");
        }
        String dirtyLog = next.text(MigrationParameter.X_DIRTY_LOG);
        List<String> methods = machine.dirtyLogMethods();
        if (!dirtyLog.isEmpty() && !methods.contains(dirtyLog)) {
            throw new ControlException(
                    "Parameter 'x-dirty-log' expects one of %s, found %s".formatted(methods, dirtyLog));
        }
        parameters = next;
    }
}
