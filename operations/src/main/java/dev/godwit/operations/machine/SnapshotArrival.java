package dev.godwit.operations.machine;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.precopy.IncomingStream;
import dev.godwit.host.DemandLoad;
import dev.godwit.kvm.KvmMachine;
import dev.godwit.operations.PushPlan;
import dev.godwit.qemu.IncomingMachineStream;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.SnapshotLoad;
import dev.godwit.snapshot.SnapshotReader;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A snapshot as that which brings a machine: all of its memory at once, or while the guest runs. */
final class SnapshotArrival implements IncomingStream {

    private static final int LOOK_MS = 20;

    private final Machine machine;
    private final LoadOptions options;
    private final Consumer<MigrationStatus> status;
    private final CountDownLatch stalled = new CountDownLatch(1);
    private volatile boolean givenUp;
    private volatile @Nullable DemandLoad demand;
    private @Nullable Snapshot snapshot;
    private @Nullable SnapshotReader reader;

    SnapshotArrival(Machine machine, LoadOptions options, Consumer<MigrationStatus> status) {
        this.machine = machine;
        this.options = options;
        this.status = status;
    }

    /** {@return how far a load is that goes on while the guest runs; empty where there is none} */
    Optional<DemandLoad.Standing> standing() {
        return Optional.ofNullable(demand).map(DemandLoad::standing);
    }

    @Override
    public Arrived receive() throws IOException {
        Snapshot opened = Snapshot.open(options.file(), options.startBytes(), Progress.NONE);
        snapshot = opened;
        VmState state = opened.vmState();
        IncomingMachineStream.check(machine.type(), machine.uuid(), state.configuration());
        if (options.mapped() && opened.kind() == Snapshot.Kind.QEMU_STREAM) {
            throw new StreamFormatException(
                    options.startBytes(), "configuration", "capability mapped-ram, which is on here", "a file without");
        }
        Arrived arrived = new Arrived(MachineSections.read(state), MachineSections.before(state), Optional.empty());
        switch (options.mode()) {
            case EAGER -> loadAll(opened);
            case LAZY -> follow(opened);
            case LAZY_WHERE_POSSIBLE -> followOrLoadAll(opened);
        }
        return arrived;
    }

    private void loadAll(Snapshot opened) throws IOException {
        SnapshotLoad.into(machine.memory(), opened, options.threads(), options.directIo(), () -> givenUp);
    }

    private void followOrLoadAll(Snapshot opened) throws IOException {
        Optional<String> refusal = DemandLoad.refusal(machine.memory(), machine instanceof KvmMachine);
        if (refusal.isEmpty()) {
            follow(opened);
            return;
        }
        System.getLogger("dev.godwit.operations")
                .log(Level.INFO, "The guest waits for all of its memory: " + refusal.get());
        loadAll(opened);
    }

    private void follow(Snapshot opened) throws IOException {
        PushPlan plan = PushPlan.of(options.order(), opened);
        SnapshotReader pages = opened.reader(options.directIo());
        reader = pages;
        demand = DemandLoad.begin(
                pages,
                machine.memory(),
                machine instanceof KvmMachine,
                options.threads(),
                plan::order,
                new DemandLoad.Listener() {
                    @Override
                    public void complete() {
                        status.accept(MigrationStatus.COMPLETED);
                    }

                    @Override
                    public void stalled(String why) {
                        System.getLogger("dev.godwit.operations")
                                .log(
                                        Level.ERROR,
                                        "A page of the guest cannot be had, and who waits for it waits on: " + why);
                        status.accept(MigrationStatus.POSTCOPY_PAUSED);
                        stalled.countDown();
                    }
                });
    }

    /** {@inheritDoc} There is nobody to be told. */
    @Override
    public void confirm() {}

    @Override
    public void refuse() {}

    @Override
    public void abort() {
        givenUp = true;
    }

    /** Closes the file, unless memory still comes from it. */
    @Override
    public void close() {
        if (demand == null) {
            closeFile();
        }
    }

    private void closeFile() {
        if (reader != null) {
            reader.close();
        }
        if (snapshot != null) {
            snapshot.close();
        }
    }

    /** The guest never ran, and never will. */
    void endLoad(Exception cause) {
        try {
            end();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    private void end() throws IOException {
        DemandLoad load = demand;
        if (load != null) {
            load.close();
        }
        closeFile();
    }

    /**
     * The machine ends. Its vCPUs are stopped first, while pages are still brought that they wait for. One that waits
     * for a page that cannot be had is let go when it is to stop already: it sees zeros, and does nothing any more.
     */
    void endWithMachine() throws IOException {
        DemandLoad load = demand;
        if (load != null && !load.standing().isOver()) {
            Thread stopping = Thread.ofPlatform().daemon().name("stopping").start(this::pause);
            try {
                while (stopping.isAlive() && !stalled.await(LOOK_MS, TimeUnit.MILLISECONDS)) {
                    stopping.join(LOOK_MS);
                }
                stopping.join(LOOK_MS); // a vCPU that waits has been told to stop by then
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        }
        end();
    }

    private void pause() {
        try {
            machine.pause();
        } catch (IOException e) {
            System.getLogger("dev.godwit.operations").log(Level.DEBUG, "The vCPUs have not been stopped", e);
        }
    }
}
