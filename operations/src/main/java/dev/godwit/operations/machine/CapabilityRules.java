package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Which capabilities there are, and which go together, in QEMU's words (qemu-migration specification section 7.1). */
final class CapabilityRules {

    /** What machines of ours can do. ZERO_BLOCKS and LATE_BLOCK_ACTIVATE have no effect, as in QEMU. */
    static final Set<MigrationCapability> SUPPORTED = Set.copyOf(EnumSet.of(
            MigrationCapability.XBZRLE,
            MigrationCapability.AUTO_CONVERGE,
            MigrationCapability.ZERO_BLOCKS,
            MigrationCapability.EVENTS,
            MigrationCapability.RELEASE_RAM,
            MigrationCapability.RETURN_PATH,
            MigrationCapability.PAUSE_BEFORE_SWITCHOVER,
            MigrationCapability.MULTIFD,
            MigrationCapability.POSTCOPY_RAM,
            MigrationCapability.POSTCOPY_PREEMPT,
            MigrationCapability.POSTCOPY_BLOCKTIME,
            MigrationCapability.LATE_BLOCK_ACTIVATE,
            MigrationCapability.VALIDATE_UUID,
            MigrationCapability.BACKGROUND_SNAPSHOT,
            MigrationCapability.SWITCHOVER_ACK,
            MigrationCapability.MAPPED_RAM));

    /** What the snapshot of a running machine cannot have, in QEMU's order. */
    private static final List<MigrationCapability> NOT_IN_BACKGROUND = List.of(
            MigrationCapability.POSTCOPY_RAM,
            MigrationCapability.LATE_BLOCK_ACTIVATE,
            MigrationCapability.RETURN_PATH,
            MigrationCapability.MULTIFD,
            MigrationCapability.PAUSE_BEFORE_SWITCHOVER,
            MigrationCapability.AUTO_CONVERGE,
            MigrationCapability.RELEASE_RAM,
            MigrationCapability.XBZRLE,
            MigrationCapability.VALIDATE_UUID);

    private record Conflict(MigrationCapability one, MigrationCapability other, String words) {}

    private record Need(MigrationCapability one, MigrationCapability needed, String words) {}

    private static final List<Conflict> CONFLICTS = List.of(
            new Conflict(
                    MigrationCapability.POSTCOPY_RAM,
                    MigrationCapability.MULTIFD,
                    "Postcopy is not yet compatible with multifd"),
            new Conflict(
                    MigrationCapability.MULTIFD, MigrationCapability.XBZRLE, "Multifd is not compatible with xbzrle"),
            new Conflict(
                    MigrationCapability.MAPPED_RAM,
                    MigrationCapability.XBZRLE,
                    "Mapped-ram migration is incompatible with xbzrle"),
            new Conflict(
                    MigrationCapability.MAPPED_RAM,
                    MigrationCapability.POSTCOPY_RAM,
                    "Mapped-ram migration is incompatible with postcopy"));

    private static final List<Need> NEEDS = List.of(
            new Need(
                    MigrationCapability.POSTCOPY_PREEMPT,
                    MigrationCapability.POSTCOPY_RAM,
                    "Postcopy preempt requires postcopy-ram"),
            new Need(
                    MigrationCapability.SWITCHOVER_ACK,
                    MigrationCapability.RETURN_PATH,
                    "Capability 'switchover-ack' requires capability 'return-path'"));

    private CapabilityRules() {}

    /**
     * Checks capabilities that are to be on together.
     *
     * @throws ControlException if one is not supported, or they do not go together
     */
    static void check(Set<MigrationCapability> on) throws ControlException {
        for (MigrationCapability capability : on) {
            if (!SUPPORTED.contains(capability)) {
                throw new ControlException("the capability '" + capability.word() + "' is not supported");
            }
        }
        if (on.contains(MigrationCapability.BACKGROUND_SNAPSHOT)) {
            for (MigrationCapability capability : NOT_IN_BACKGROUND) {
                if (on.contains(capability)) {
                    throw new ControlException("Background-snapshot is not compatible with " + capability.word());
                }
            }
        }
        for (Conflict conflict : CONFLICTS) {
            if (on.contains(conflict.one) && on.contains(conflict.other)) {
                throw new ControlException(conflict.words);
            }
        }
        for (Need need : NEEDS) {
            if (on.contains(need.one) && !on.contains(need.needed)) {
                throw new ControlException(need.words);
            }
        }
    }
}
