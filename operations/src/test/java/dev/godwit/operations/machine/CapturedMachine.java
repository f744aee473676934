package dev.godwit.operations.machine;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.host.RamAllocation;
import dev.godwit.host.RamOptions;
import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;

/** A machine that takes whatever devices a captured stream has; its vCPUs touch every page once, in random order. */
final class CapturedMachine implements Machine {

    private final String type;
    private final List<DeviceState> devices;
    private final RamAllocation ram;
    private final List<Thread> vcpus = new ArrayList<>();
    private volatile boolean halted;
    volatile int loadedDevices;

    CapturedMachine(String type, List<DeviceState> devices, RamLayout layout, RamOptions options) throws IOException {
        this.type = type;
        this.devices = devices;
        this.ram = RamAllocation.allocate(layout, options);
    }

    RamAllocation ram() {
        return ram;
    }

    @Override
    public String type() {
        return type;
    }

    @Override
    public Optional<UUID> uuid() {
        return Optional.empty();
    }

    @Override
    public GuestMemory memory() {
        return ram.memory();
    }

    @Override
    public int vcpus() {
        return 2;
    }

    @Override
    public DirtyLog startDirtyLog(String method) throws IOException {
        throw new IOException("a captured machine only arrives");
    }

    @Override
    public List<String> dirtyLogMethods() {
        return List.of("none");
    }

    @Override
    public void pause() {}

    @Override
    public synchronized void resume() {
        for (int vcpu = 0; vcpu < 2; vcpu++) {
            Random random = new Random(vcpu);
            vcpus.add(Thread.ofPlatform().name("vcpu-" + vcpu).daemon(true).start(() -> touchAll(random)));
        }
    }

    private void touchAll(Random random) {
        for (int block = 0; block < memory().blocks().size(); block++) {
            long pages = memory().layout().block(block).pages();
            long first = random.nextLong(pages);
            for (long page = 0; page < pages && !halted; page++) {
                long _ = NativeMemory.load(memory().hostAddress(block, (first + page) % pages * Page.SIZE_BYTES));
            }
        }
    }

    @Override
    public synchronized boolean isRunning() {
        return !vcpus.isEmpty();
    }

    @Override
    public MachineState save() {
        return new MachineState(devices);
    }

    @Override
    public void load(MachineState state) {
        loadedDevices = state.devices().size();
    }

    @Override
    public void throttle(int percentage) {}

    @Override
    public void halt() {
        halted = true;
    }

    /** Waits until every page was touched. */
    synchronized void awaitTouched() throws InterruptedException {
        for (Thread vcpu : vcpus) {
            vcpu.join();
        }
    }

    @Override
    public void close() throws IOException {
        try {
            awaitTouched();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        ram.close();
    }
}
