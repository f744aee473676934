package dev.godwit.engine.migration;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * The door by which a machine and its migrations are controlled: QMP's commands as Java, with QEMU's rules and words.
 * Thread-safe; a command returns when QEMU's would. A {@link ControlException} means that nothing has changed.
 */
public interface MachineControl {

    /** {@return which machine this is} */
    MachineIdentity identity();

    /** {@return whether the guest runs, and if not why} */
    RunStatus runStatus();

    /** {@code stop}: stops the vCPUs. */
    void stop() throws ControlException;

    /** {@code cont}: lets the vCPUs run; refused while a copy elsewhere may run. */
    void cont() throws ControlException;

    /** {@code quit}: ends the machine and its process; returns at once. */
    void quit();

    /** {@return every capability, and whether it is on} */
    Map<MigrationCapability, Boolean> capabilities();

    /** {@code migrate-set-capabilities}: all changes or none. */
    void setCapabilities(Map<MigrationCapability, Boolean> changes) throws ControlException;

    /** {@return the parameters} */
    MigrationParameters parameters();

    /** {@code migrate-set-parameters}: all changes or none; bandwidths and downtime take effect at once. */
    void setParameters(Map<MigrationParameter, Object> changes) throws ControlException;

    /**
     * {@code migrate}: starts an outgoing migration and returns when it is under way.
     *
     * @param uri where to, in QEMU's notation
     * @param resume whether a paused postcopy is to go on
     */
    void migrate(String uri, boolean resume) throws ControlException;

    /**
     * {@code migrate-incoming}: waits for the migration of a machine that was made with {@code --incoming defer}.
     *
     * @param exitOnError whether the process ends when it fails
     */
    void migrateIncoming(String uri, boolean exitOnError) throws ControlException;

    /** {@code migrate_cancel}: does nothing where nothing is under way. */
    void migrateCancel() throws ControlException;

    /** {@code migrate-continue}: goes on from {@code pre-switchover}. */
    void migrateContinue(MigrationStatus from) throws ControlException;

    /** {@code migrate-start-postcopy}. */
    void migrateStartPostcopy() throws ControlException;

    /** {@code migrate-pause}: breaks a postcopy's connections, so that it can go on over others. */
    void migratePause() throws ControlException;

    /** {@code migrate-recover}: a paused destination waits for its source at another address. */
    void migrateRecover(String uri) throws ControlException;

    /** {@return how the migration stands} */
    MigrationReport migration();

    /**
     * {@code calc-dirty-rate}: begins to measure how fast the guest dirties its RAM.
     *
     * @param calcTimeMs for how long
     * @param mode QEMU's word, empty for {@code page-sampling}
     * @param samplePages how many pages a GiB, with page-sampling; empty for 512
     */
    void calcDirtyRate(long calcTimeMs, Optional<String> mode, OptionalLong samplePages) throws ControlException;

    /** {@return what was measured} */
    DirtyRateReport dirtyRate();

    /**
     * Tells a listener what happens, in order, on a thread of the machine's: it must be quick and must not call back.
     *
     * @return ends it
     */
    Subscription subscribe(Consumer<MachineEvent> listener);

    /** Ends a listener's events. */
    interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
