package dev.godwit.xen;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A {@link ScriptedMachine} that the engine sends by the rules of 2007. */
final class ScriptedSave implements AutoCloseable {

    /** What goes into the device model's part. */
    static final MemorySegment SIDE = MemorySegment.ofArray(new byte[] {1, 2, 3});

    final ScriptedMachine machine;
    final Set<Long> unmappable = new HashSet<>();
    private final Hvm2007Settings settings;
    private MigrationReport report = MigrationReport.NONE;

    ScriptedSave(long frames, Hvm2007Settings settings, String scenario) {
        this.machine = new ScriptedMachine(frames, settings.words(), scenario);
        this.settings = settings;
    }

    /** Sends it, running or not. {@return the stream} */
    byte[] run(boolean running) throws IOException, ControlException, MigrationException {
        long frames = machine.memory().layout().block(0).pages();
        FrameMap map = new FrameMap(List.of(new FrameMap.Window(0, 0, 0, frames))).withoutHoles();
        Hvm2007Policy policy = new Hvm2007Policy(map, machine.memory().layout(), settings);
        machine.deviceModel(policy.deviceMaps()::mark);
        MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, _ -> {});
        if (running) {
            run.cont();
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Precopy precopy = new Precopy(
                machine,
                run,
                () -> new Hvm2007Stream(
                                machine.memory(),
                                policy,
                                settings,
                                machine.vcpus(),
                                Channels.newChannel(bytes),
                                (_, _) -> SIDE)
                        .unmappable(unmappable::contains),
                new PrecopySettings(Set.of(), () -> MigrationParameters.DEFAULTS, _ -> {}, Clock.SYSTEM));
        precopy.run();
        report = precopy.report();
        return bytes.toByteArray();
    }

    List<MigrationReport.Round> rounds() {
        return report.rounds();
    }

    @Override
    public void close() {
        machine.close();
    }
}
