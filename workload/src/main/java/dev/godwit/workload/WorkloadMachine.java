package dev.godwit.workload;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.RamAllocation;
import dev.godwit.linux.ThreadTimes;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * A machine whose vCPUs write real RAM by a program that knows what every page must hold at every moment, so that
 * {@link #verify()} finds any page that a migration or a snapshot brought wrongly, and says which.
 *
 * <p>What a page holds follows from the seed, the page and its generation, and the generation from the steps of the
 * vCPUs, which are its device state: a page that is whole but old is found. The vCPUs are threads, stop between steps,
 * and touch RAM by downcalls only, which may wait for a page or a write protection.
 *
 * <p>Methods may be called by any thread, and wait for each other; {@link #throttle}, {@link #statistics} and
 * {@link #isRunning} do not wait.
 */
public final class WorkloadMachine implements Machine {

    /** The machine type in the stream. */
    public static final String TYPE = "godwit-workload-1";

    private final WorkloadOptions options;
    private final RamAllocation ram;
    private final Arena arena = Arena.ofShared();
    private final VcpuGate gate;
    private final List<WorkloadVcpu> vcpus = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private volatile Guest guest;
    private volatile WorkloadLoad load;
    private volatile int throttlePercentage;
    private boolean started;
    private boolean closed;

    private WorkloadMachine(WorkloadOptions options, RamAllocation ram) {
        this.options = options;
        this.ram = ram;
        Program program = Program.of(options);
        this.guest = new Guest(program, new PageVersions(program.making(), program.seed(), arena));
        this.load = options.load();
        this.gate = new VcpuGate(options.vcpus());
    }

    /**
     * Makes a machine with all its pages filled, at the beginning of its program.
     *
     * @throws IOException if the RAM is not to be had; nothing is left
     * @throws IllegalArgumentException if the load does not fit the RAM
     */
    public static WorkloadMachine create(WorkloadOptions options) throws IOException {
        WorkloadMachine machine = incoming(options);
        new PageWriter(machine.memory(), machine.guest.versions(), machine.arena).fill();
        machine.started = true;
        return machine;
    }

    /**
     * Makes a machine with empty RAM, to be filled from elsewhere. Layout and vCPUs count; seed, pages and load come
     * with the state that it is given by {@link #load}.
     *
     * @throws IOException if the RAM is not to be had; nothing is left
     * @throws IllegalArgumentException if the load does not fit the RAM
     */
    public static WorkloadMachine incoming(WorkloadOptions options) throws IOException {
        RamAllocation ram = RamAllocation.allocate(options.layout(), options.ram());
        try {
            WorkloadMachine machine = new WorkloadMachine(options, ram);
            machine.startVcpus();
            return machine;
        } catch (RuntimeException | Error e) {
            ram.close();
            throw e;
        }
    }

    private void startVcpus() {
        for (int index = 0; index < options.vcpus(); index++) {
            WorkloadVcpu vcpu = new WorkloadVcpu(index, this, gate, arena, options.selfCheck());
            vcpus.add(vcpu);
            threads.add(Thread.ofPlatform().daemon().name("vcpu-" + index).start(vcpu));
        }
    }

    @Override
    public String type() {
        return TYPE;
    }

    @Override
    public Optional<UUID> uuid() {
        return options.uuid();
    }

    @Override
    public GuestMemory memory() {
        return ram.memory();
    }

    /** {@return the RAM with what it is made of, to be shared with other processes} */
    public RamAllocation ram() {
        return ram;
    }

    @Override
    public Set<String> readOnlyBlocks() {
        return options.readOnlyBlocks();
    }

    /** {@inheritDoc} Here a vCPU writes in downcalls, so in user code. */
    @Override
    public boolean isWrittenByKernel() {
        return false;
    }

    @Override
    public int vcpus() {
        return options.vcpus();
    }

    @Override
    public synchronized DirtyLog startDirtyLog(String method) throws IOException {
        if (!method.equals(PagemapDirtyLog.METHOD)) {
            throw new IOException(
                    "a workload machine has the dirty log %s, not %s".formatted(dirtyLogMethods(), method));
        }
        return PagemapDirtyLog.start(ram);
    }

    @Override
    public List<String> dirtyLogMethods() {
        return List.of(PagemapDirtyLog.METHOD);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IOException if a vCPU has ended by an error, or the thread is interrupted, and the machine runs on
     */
    @Override
    public synchronized void pause() throws IOException {
        gate.shut();
        for (WorkloadVcpu vcpu : vcpus) {
            if (vcpu.failure().isPresent()) {
                throw new IOException("a vCPU has ended", vcpu.failure().get());
            }
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if the machine was made for an incoming program and has none yet
     */
    @Override
    public synchronized void resume() {
        if (!started || closed) {
            throw new IllegalStateException(closed ? "the machine is closed" : "no program was loaded yet");
        }
        gate.open();
    }

    @Override
    public boolean isRunning() {
        return gate.isOpen();
    }

    @Override
    public synchronized MachineState save() {
        requirePaused();
        return ProgramState.save(guest.program(), load);
    }

    @Override
    public synchronized void load(MachineState state) throws IOException {
        requirePaused();
        Program program = ProgramState.load(state, guest.program());
        Program old = guest.program();
        boolean samePages = program.seed() == old.seed() && program.making().equals(old.making());
        PageVersions versions =
                samePages ? guest.versions() : new PageVersions(program.making(), program.seed(), arena);
        guest = new Guest(program, versions);
        load = program.current().load();
        started = true;
    }

    @Override
    public long vcpuTimeNs() {
        return ThreadTimes.ofThreads(vcpuThreadIds());
    }

    @Override
    public long processTimeNs() {
        return ThreadTimes.ofProcess();
    }

    @Override
    public void throttle(int percentage) {
        if (percentage < 0 || percentage > 99) {
            throw new IllegalArgumentException("percentage is " + percentage + "; it has to be 0 to 99");
        }
        throttlePercentage = percentage;
        gate.nudge();
    }

    /**
     * Gives the vCPUs another load, whether they run or not; a running machine is stopped for it for a moment, unless
     * only the rate changes.
     *
     * @throws IllegalArgumentException if it does not fit the RAM; nothing has changed
     * @throws IllegalStateException if it was changed 63 times in more than the rate
     * @throws IOException if the vCPUs cannot be stopped; nothing has changed
     */
    public synchronized void change(WorkloadLoad next) throws IOException {
        if (!next.stepsLike(load)) {
            boolean wasRunning = isRunning();
            pause();
            try {
                guest = new Guest(guest.program().then(next), guest.versions());
            } finally {
                if (wasRunning) {
                    gate.open();
                }
            }
        }
        load = next;
        gate.nudge();
    }

    /** {@return what the vCPUs do now} */
    public WorkloadLoad currentLoad() {
        return load;
    }

    /**
     * Compares every page of every block with what it must hold at this moment. Pages that are missing under a
     * userfaultfd are waited for.
     *
     * @throws IllegalStateException if the machine runs
     */
    public synchronized WorkloadReport verify() {
        requirePaused();
        DamageLog damages = new DamageLog();
        vcpus.forEach(vcpu -> damages.addAll(vcpu.damages()));
        Program program = guest.program();
        long pages = 0;
        try (Arena scratch = Arena.ofConfined()) {
            PageCheck check = new PageCheck(memory(), guest.versions(), scratch);
            for (int block = 0; block < options.layout().blocks().size(); block++) {
                RamBlock one = options.layout().block(block);
                for (long page = 0; page < one.pages(); page++) {
                    check.check(block, page, program.generation(block, page)).ifPresent(damages::add);
                }
                pages += one.pages();
            }
        }
        return new WorkloadReport(pages, damages.pages(), damages.first());
    }

    /** {@return what the vCPUs have done; may be asked while they run} */
    public WorkloadStatistics statistics() {
        long writes = 0;
        for (Epoch epoch : guest.program().epochs()) {
            for (int vcpu = 0; vcpu < options.vcpus(); vcpu++) {
                writes += epoch.steps(vcpu);
            }
        }
        long damaged = 0;
        long longestNs = 0;
        for (WorkloadVcpu vcpu : vcpus) {
            damaged += vcpu.damages().pages();
            longestNs = Math.max(longestNs, vcpu.longestStepNs());
        }
        return new WorkloadStatistics(writes, damaged, longestNs);
    }

    /** Begins to look for the slowest write anew, say when a snapshot begins. */
    public void forgetLongestStep() {
        vcpus.forEach(WorkloadVcpu::forgetLongestStep);
    }

    Guest guest() {
        return guest;
    }

    double pagesPerSecondOfEach() {
        return (double) load.pagesPerSecond() / options.vcpus();
    }

    int throttlePercentage() {
        return throttlePercentage;
    }

    @Override
    public List<Integer> vcpuThreadIds() {
        return vcpus.stream().map(WorkloadVcpu::threadId).toList();
    }

    @Override
    public void halt() {
        gate.end();
    }

    private void requirePaused() {
        if (isRunning() || closed) {
            throw new IllegalStateException(closed ? "the machine is closed" : "the machine runs");
        }
    }

    /**
     * {@inheritDoc} A vCPU that waits for a page is waited for: who serves its pages has to let go of them first. A
     * dirty log is closed before.
     */
    @Override
    public synchronized void close() throws IOException {
        if (closed) {
            return;
        }
        gate.end();
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true; // the memory may not go before they have
                }
            }
        }
        closed = true;
        arena.close();
        ram.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
