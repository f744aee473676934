package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.DirtyRateReport;
import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineIdentity;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/** A machine of which only what it was told is remembered. */
final class FakeMachineControl implements MachineControl {

    final List<String> calls = Collections.synchronizedList(new ArrayList<>());
    final CountDownLatch holdStop = new CountDownLatch(1);
    volatile boolean stopsAtOnce = true;
    volatile MigrationReport report = MigrationReport.NONE;
    private final List<Consumer<MachineEvent>> listeners = new CopyOnWriteArrayList<>();
    private final Map<MigrationCapability, Boolean> capabilities = new EnumMap<>(MigrationCapability.class);
    private MigrationParameters parameters = MigrationParameters.DEFAULTS;
    private RunStatus status = RunStatus.RUNNING;

    FakeMachineControl() {
        for (MigrationCapability capability : MigrationCapability.values()) {
            capabilities.put(capability, false);
        }
    }

    void tell(MachineEvent event) {
        listeners.forEach(listener -> listener.accept(event));
    }

    @Override
    public MachineIdentity identity() {
        return new MachineIdentity("fake-1", Optional.of("a name"), Optional.empty());
    }

    @Override
    public RunStatus runStatus() {
        return status;
    }

    @Override
    public void stop() throws ControlException {
        if (!stopsAtOnce) {
            try {
                holdStop.await();
            } catch (InterruptedException e) {
                throw new ControlException("interrupted", e);
            }
        }
        status = RunStatus.PAUSED;
        tell(new MachineEvent.Stopped());
    }

    @Override
    public void cont() {
        status = RunStatus.RUNNING;
        tell(new MachineEvent.Resumed());
    }

    @Override
    public void quit() {
        calls.add("quit");
        tell(new MachineEvent.ShutDown(false, "host-qmp-quit"));
    }

    @Override
    public Map<MigrationCapability, Boolean> capabilities() {
        return capabilities;
    }

    @Override
    public void setCapabilities(Map<MigrationCapability, Boolean> changes) {
        capabilities.putAll(changes);
    }

    @Override
    public MigrationParameters parameters() {
        return parameters;
    }

    @Override
    public void setParameters(Map<MigrationParameter, Object> changes) throws ControlException {
        parameters = parameters.with(changes);
    }

    @Override
    public void migrate(String uri, boolean resume) {
        calls.add("migrate " + uri + " " + resume);
    }

    @Override
    public void migrateIncoming(String uri, boolean exitOnError) {
        calls.add("migrate-incoming " + uri + " " + exitOnError);
    }

    @Override
    public void migrateCancel() {
        calls.add("migrate_cancel");
    }

    @Override
    public void migrateContinue(MigrationStatus from) {
        calls.add("migrate-continue " + from.word());
    }

    @Override
    public void migrateStartPostcopy() throws ControlException {
        throw new ControlException("Enable postcopy with migrate_set_capability before the start of migration");
    }

    @Override
    public void migratePause() {
        calls.add("migrate-pause");
    }

    @Override
    public void migrateRecover(String uri) {
        calls.add("migrate-recover " + uri);
    }

    @Override
    public MigrationReport migration() {
        return report;
    }

    @Override
    public void calcDirtyRate(long calcTimeMs, Optional<String> mode, OptionalLong samplePages) {
        calls.add("calc-dirty-rate " + calcTimeMs + " " + mode.orElse("-") + " " + samplePages.orElse(-1));
    }

    @Override
    public DirtyRateReport dirtyRate() {
        return new DirtyRateReport("measured", OptionalLong.of(17), 5, 1500, "page-sampling", 512);
    }

    @Override
    public Subscription subscribe(Consumer<MachineEvent> listener) {
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }
}
