package dev.godwit.engine.migration;

/** What a machine tells those who watch it; QMP's events. */
public sealed interface MachineEvent {

    /** MIGRATION: the status changed. Only with capability {@code events}. */
    record StatusChanged(MigrationStatus status) implements MachineEvent {}

    /** MIGRATION_PASS: the dirty log was read, and a new pass begins. Only with capability {@code events}. */
    record Pass(long pass) implements MachineEvent {}

    /** STOP: the vCPUs stand still. */
    record Stopped() implements MachineEvent {}

    /** RESUME: the vCPUs run. */
    record Resumed() implements MachineEvent {}

    /**
     * SHUTDOWN: the machine ends.
     *
     * @param guest whether the guest asked for it
     * @param reason QEMU's word, for example {@code host-qmp-quit} or {@code guest-shutdown}
     */
    record ShutDown(boolean guest, String reason) implements MachineEvent {}
}
