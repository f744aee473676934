package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.linux.ThreadTimes;
import dev.godwit.linux.kvm.CpuidEntry;
import dev.godwit.linux.kvm.KvmCapability;
import dev.godwit.linux.kvm.KvmStructure;
import dev.godwit.linux.kvm.KvmSystem;
import dev.godwit.linux.kvm.KvmVcpu;
import dev.godwit.linux.kvm.KvmVm;
import dev.godwit.ram.GuestMemory;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A virtual machine on the host's KVM: vCPUs, RAM with a hole below 4 GiB, KVM's own interrupt controllers and timer, a
 * serial port, a clock chip, and a keyboard controller that can reset. No PCI, no disk, no network, no ACPI.
 *
 * <p>Threads: the owner makes, pauses, resumes, saves, loads and closes it, one call at a time. Each vCPU has a thread
 * of its own ({@link VcpuThread}). Devices live under the lock of the {@link PortBus}.
 */
public final class KvmMachine implements Machine {

    /** The machine type in a stream; the number changes when the guest would see another machine. */
    public static final String TYPE = "godwit-kvm-1";

    /** The id of its one RAM block. */
    public static final String RAM_BLOCK_ID = "ram";

    /** The least RAM, in bytes: boot data, and a program at 1 MiB. */
    public static final long LEAST_RAM_BYTES = 2L << 20;

    static final long TSS_GPA = 0xfeffd000L;
    static final long IDENTITY_MAP_GPA = 0xfeffc000L;

    private final KvmMachineOptions options;
    private final GuestAddresses guest;
    private final AutoCloseable memoryOwner;
    private final KvmSystem system;
    private final KvmVm vm;
    private final KvmDirtyLogs dirtyLogs;
    private final Board board;
    private final GuestExits exits;
    private final CpuThrottle throttle;
    private final List<VcpuThread> vcpus = new ArrayList<>();
    private final List<List<CpuidEntry>> cpuids = new ArrayList<>();
    private final List<Integer> msrIndexes;
    private final AtomicBoolean hasEnded = new AtomicBoolean();
    private volatile boolean running;
    private boolean closed;
    /** The paravirtual clock stands still with the guest: read at the pause, put back at the resume. */
    private Optional<KvmStructure.Value> clock = Optional.empty();

    private KvmMachine(
            KvmMachineOptions options, GuestMemory memory, AutoCloseable memoryOwner, KvmSystem system, KvmVm vm)
            throws IOException {
        this.options = options;
        this.guest = GuestAddresses.of(memory);
        this.memoryOwner = memoryOwner;
        this.system = system;
        this.vm = vm;
        this.throttle = new CpuThrottle(vcpus);
        this.msrIndexes = system.msrIndexes();
        KvmDirtyRings rings = new KvmDirtyRings(vm, guest, vcpus);
        this.dirtyLogs = new KvmDirtyLogs(options, vm, guest, rings);
        this.board = new Board(vm, guest, options, this::end);
        this.exits = new GuestExits(board, rings, this::end, hasEnded::get);
    }

    /**
     * {@return a paused machine}
     *
     * @param memory its RAM: one block, all zero where it is to boot
     * @param memoryOwner closed when the machine is, and if this fails
     * @throws IOException if there is no KVM for this user, the kernel refuses, or what is to be booted is not right;
     *     in a sentence for the user
     */
    public static KvmMachine create(KvmMachineOptions options, GuestMemory memory, AutoCloseable memoryOwner)
            throws IOException {
        Deque<AutoCloseable> owned = new ArrayDeque<>(List.of(memoryOwner));
        try {
            if (memory.layout().totalBytes() < LEAST_RAM_BYTES) {
                throw new IOException("a KVM machine needs at least 2 MiB of RAM: ramBytes="
                        + memory.layout().totalBytes());
            }
            KvmSystem system = KvmAccess.open();
            owned.push(system);
            KvmVm vm = system.createVm();
            owned.push(vm);
            KvmMachine machine = new KvmMachine(options, memory, memoryOwner, system, vm);
            owned.clear();
            owned.push(machine);
            machine.build();
            return machine;
        } catch (IOException | RuntimeException e) {
            closeAfter(e, owned);
            throw e;
        }
    }

    private static void closeAfter(Exception failure, Deque<AutoCloseable> owned) {
        for (AutoCloseable one : owned) {
            try {
                one.close();
            } catch (Exception e) {
                failure.addSuppressed(e);
            }
        }
    }

    private void build() throws IOException {
        KvmDirtyBitmapLog.setLogging(vm, guest, false);
        boolean tscDeadline = system.check(KvmCapability.TSC_DEADLINE_TIMER) > 0;
        List<CpuidEntry> supported = system.supportedCpuid();
        for (int id = 0; id < options.vcpus(); id++) {
            List<CpuidEntry> cpuid = CpuModel.of(supported, id, options.vcpus(), tscDeadline, options.cpuidVendor());
            VcpuThread vcpu = VcpuThread.start(vm, id, exits);
            vcpus.add(vcpu);
            cpuids.add(cpuid);
            boolean _ = vcpu.call(own -> {
                own.setCpuid(cpuid);
                return true;
            });
        }
        Optional<VcpuThread.Work<Boolean>> entry = switch (options.boot()) {
            case Boot.Incoming _ -> Optional.empty();
            case Boot.Linux linux -> Optional.of(LinuxImage.load(linux, guest, options.vcpus()));
            case Boot.Flat flat -> Optional.of(FlatImage.load(flat, guest, options.vcpus()));
        };
        if (entry.isPresent()) {
            boolean _ = vcpus.getFirst().call(entry.get());
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
        return guest.memory();
    }

    @Override
    public int vcpus() {
        return vcpus.size();
    }

    @Override
    public List<String> dirtyLogMethods() {
        return dirtyLogs.methods();
    }

    @Override
    public DirtyLog startDirtyLog(String method) throws IOException {
        return dirtyLogs.start(method);
    }

    /**
     * Writes to the guest's memory, as a device would: the running dirty log, if there is one, has it. From any thread.
     *
     * @param gpa guest-physical
     * @throws IllegalArgumentException if that is not RAM
     */
    public void writeRam(long gpa, byte[] bytes) {
        guest.write(gpa, bytes);
        dirtyLogs.wrote(gpa, bytes.length);
    }

    /**
     * {@return a copy of guest-physical memory} From any thread; of a running guest it may be torn.
     *
     * @throws IllegalArgumentException if that is not RAM
     */
    public byte[] readRam(long gpa, int lengthBytes) {
        return guest.at(gpa, lengthBytes).toArray(ValueLayout.JAVA_BYTE);
    }

    /** {@return how many of the bytes the serial port took for the guest; the rest did not fit} From any thread. */
    public int serialInput(byte[] bytes) {
        return board.serialInput(bytes);
    }

    @Override
    public void pause() throws IOException {
        vcpus.forEach(VcpuThread::park);
        vcpus.forEach(VcpuThread::awaitParked);
        if (running) {
            running = false;
            clock = Optional.of(Board.standingClock(vm.get(KvmStructure.CLOCK)));
        }
    }

    @Override
    public void resume() throws IOException {
        if (running) {
            return;
        }
        if (clock.isPresent()) {
            vm.set(clock.get());
            for (VcpuThread vcpu : vcpus) {
                boolean _ = vcpu.call(KvmVcpu::announcePause);
            }
        }
        running = true;
        vcpus.forEach(VcpuThread::run);
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public MachineState save() throws IOException {
        requirePaused();
        List<DeviceState> devices = new ArrayList<>(board.saveChips());
        devices.add(Board.saveClock(clock.isPresent() ? clock.get() : vm.get(KvmStructure.CLOCK)));
        for (int id = 0; id < vcpus.size(); id++) {
            int vcpuId = id;
            devices.add(vcpus.get(id).call(own -> VcpuState.save(own, vcpuId, cpuids.get(vcpuId), msrIndexes)));
        }
        devices.addAll(board.saveDevices());
        return new MachineState(devices);
    }

    /**
     * {@inheritDoc}
     *
     * <p>vCPUs first, then the chips: what waits in the I/O APIC and the 8259s is delivered as they are loaded, and a
     * local APIC loaded later would lose it. Then the timer, which may tick at once, then the devices, which set their
     * interrupt lines. The paravirtual clock is set when the machine runs.
     */
    @Override
    public void load(MachineState state) throws IOException {
        requirePaused();
        requireSameVcpus(state);
        boolean canScaleTsc = system.check(KvmCapability.TSC_CONTROL) > 0;
        for (int id = 0; id < vcpus.size(); id++) {
            DeviceState saved = state.device(VcpuState.IDSTR, id).atMostVersion(VcpuState.VERSION);
            List<CpuidEntry> cpuid = CpuModel.ofBytes(saved.buffer("cpuid", -1));
            CpuModel.checkSupported(cpuid, cpuids.get(id));
            cpuids.set(id, cpuid);
            boolean _ = vcpus.get(id).call(own -> {
                own.setCpuid(cpuid);
                VcpuState.load(own, saved, canScaleTsc);
                return true;
            });
            vcpus.get(id).forgetStall();
        }
        board.load(state);
        clock = Optional.of(Board.loadClock(state));
        hasEnded.set(false);
    }

    private void requireSameVcpus(MachineState state) throws IOException {
        long saved = state.devices().stream()
                .filter(device -> device.idstr().equals(VcpuState.IDSTR))
                .count();
        if (saved != vcpus.size()) {
            throw new IOException(
                    "the guest has %d vCPUs, this machine %d; start it with as many".formatted(saved, vcpus.size()));
        }
    }

    @Override
    public List<Integer> vcpuThreadIds() {
        return vcpus.stream().map(VcpuThread::threadId).toList();
    }

    @Override
    public void halt() {
        vcpus.forEach(VcpuThread::park);
    }

    private void requirePaused() {
        if (running) {
            throw new IllegalStateException("the machine runs");
        }
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
            throw new IllegalArgumentException("percentage=" + percentage);
        }
        throttle.set(percentage);
    }

    /** The guest is over: its vCPUs park, each by itself, and whoever wants to know is told. */
    private void end(GuestEnd end) {
        if (hasEnded.compareAndSet(false, true)) {
            vcpus.forEach(VcpuThread::park);
            Thread _ = Thread.ofVirtual()
                    .name("guest-end")
                    .start(() -> options.onEnd().accept(end));
        }
    }

    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        dirtyLogs.close();
        throttle.set(0);
        vcpus.forEach(VcpuThread::close);
        running = false;
        board.close();
        vm.close();
        system.close();
        try {
            memoryOwner.close();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("the guest's memory could not be given back", e);
        }
    }
}
