package dev.godwit.testkit;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A machine whose one vCPU is a thread that writes random words to random pages of its RAM. Its dirty log finds what
 * was written by comparing RAM with a copy of it.
 */
public final class WritingMachine implements Machine {

    /** In place of a time between two writes: none is made. */
    public static final long IDLE = -1;

    private final Arena arena = Arena.ofShared();
    private final GuestMemory memory;
    private final SplittableRandom random;
    private final long writeEveryNs;
    private final String type;
    private Optional<UUID> uuid = Optional.empty();
    private final AtomicLong steps = new AtomicLong();
    private volatile boolean wanted;
    private @Nullable Thread vcpu;
    private volatile int throttledTo;
    private volatile boolean resumeFails;
    private volatile boolean recordsWrites;
    private List<DeviceState> moreDevices = List.of();
    private int vcpuVersion = 1;

    /**
     * A paused machine whose RAM is zero.
     *
     * @param writeEveryNs how long the vCPU rests between two writes, or {@link #IDLE}
     */
    public WritingMachine(String type, long seed, long writeEveryNs, RamBlock... blocks) {
        this.type = type;
        this.random = new SplittableRandom(seed);
        this.writeEveryNs = writeEveryNs;
        RamLayout layout = new RamLayout(List.of(blocks));
        List<MemorySegment> segments = new ArrayList<>();
        List<Long> hostPages = new ArrayList<>();
        for (RamBlock block : blocks) {
            segments.add(arena.allocate(block.lengthBytes(), Page.SIZE_BYTES));
            hostPages.add((long) Page.SIZE_BYTES);
        }
        this.memory = new GuestMemory(layout, segments, hostPages);
    }

    /** Fills every second page. */
    public WritingMachine filled() {
        for (MemorySegment block : memory.blocks()) {
            for (long at = 0; at < block.byteSize(); at += 2 * Page.SIZE_BYTES) {
                for (long word = at; word < at + Page.SIZE_BYTES; word += 8) {
                    block.set(ValueLayout.JAVA_LONG, word, random.nextLong());
                }
            }
        }
        return this;
    }

    /** Says who the guest is. */
    public WritingMachine uuid(UUID other) {
        uuid = Optional.of(other);
        return this;
    }

    /** Saves its vCPU as a later program would; it loads version 1 only. */
    public WritingMachine vcpuVersion(int later) {
        vcpuVersion = later;
        return this;
    }

    /** Adds devices to those that are saved. */
    public WritingMachine devices(DeviceState... more) {
        moreDevices = List.of(more);
        return this;
    }

    /** {@return whether RAM, block by block, and the vCPU of another machine are as this one's} */
    public boolean holdsTheSameAs(WritingMachine other) {
        for (int block = 0; block < memory.blocks().size(); block++) {
            int same =
                    other.memory.layout().indexOf(memory.layout().block(block).id());
            if (memory.block(block).mismatch(other.memory.block(same)) >= 0) {
                return false;
            }
        }
        return steps() == other.steps();
    }

    /** {@return how many writes the vCPU has made} */
    public long steps() {
        return steps.get();
    }

    private void work() {
        steps.incrementAndGet();
        while (wanted && writeEveryNs == IDLE) {
            LockSupport.park();
        }
        while (wanted) {
            MemorySegment block = memory.block(random.nextInt(memory.blocks().size()));
            long word = random.nextLong(block.byteSize() / 8);
            block.set(ValueLayout.JAVA_LONG, word * 8, random.nextLong());
            steps.incrementAndGet();
            LockSupport.parkNanos(writeEveryNs);
        }
    }

    /** Makes every later {@link #resume} fail. */
    public void failToResume() {
        resumeFails = true;
    }

    /** {@return the throttling that was asked for last, in percent} */
    public int throttledTo() {
        return throttledTo;
    }

    @Override
    public String type() {
        return type;
    }

    @Override
    public Optional<UUID> uuid() {
        return uuid;
    }

    @Override
    public GuestMemory memory() {
        return memory;
    }

    @Override
    public int vcpus() {
        return 1;
    }

    @Override
    public DirtyLog startDirtyLog(String method) {
        recordsWrites = true;
        return new ComparingLog();
    }

    /** {@return whether a dirty log has been started and not been closed} */
    public boolean recordsWrites() {
        return recordsWrites;
    }

    @Override
    public List<String> dirtyLogMethods() {
        return List.of("comparing");
    }

    @Override
    public void pause() throws IOException {
        Thread running = vcpu;
        wanted = false;
        if (running != null) {
            LockSupport.unpark(running);
            try {
                running.join();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            vcpu = null;
        }
    }

    @Override
    public void resume() throws IOException {
        if (resumeFails) {
            throw new IOException("this machine does not resume");
        }
        if (vcpu == null) {
            wanted = true;
            vcpu = Thread.ofPlatform().name("test-vcpu").start(this::work);
        }
    }

    @Override
    public boolean isRunning() {
        return wanted;
    }

    @Override
    public MachineState save() {
        if (wanted) {
            throw new IllegalStateException("it runs");
        }
        List<DeviceState> devices = new ArrayList<>();
        devices.add(DeviceState.of("test/vcpu", 0, vcpuVersion)
                .uint64("steps", steps())
                .build());
        devices.add(DeviceState.of("test/rom", 1, 2)
                .buffer("content", new byte[] {1, 2, 3})
                .build());
        devices.addAll(moreDevices);
        return new MachineState(devices);
    }

    @Override
    public void load(MachineState state) throws IOException {
        if (wanted) {
            throw new IllegalStateException("it runs");
        }
        steps.set(state.device("test/vcpu", 0).atMostVersion(1).uint64("steps"));
        state.device("test/rom", 1).atMostVersion(2).buffer("content", 3);
    }

    @Override
    public void throttle(int percentage) {
        throttledTo = percentage;
    }

    @Override
    public void halt() {
        wanted = false;
    }

    @Override
    public void close() throws IOException {
        pause();
        arena.close();
    }

    private final class ComparingLog implements DirtyLog {

        private final List<MemorySegment> copies = new ArrayList<>();

        ComparingLog() {
            for (MemorySegment block : memory.blocks()) {
                copies.add(arena.allocate(block.byteSize(), Page.SIZE_BYTES).copyFrom(block));
            }
        }

        @Override
        public String method() {
            return "comparing";
        }

        @Override
        public long collect(List<PageBitmap> dirty) {
            long reported = 0;
            for (int block = 0; block < copies.size(); block++) {
                MemorySegment now = memory.block(block);
                MemorySegment copy = copies.get(block);
                for (long at = 0; at < now.byteSize(); at += Page.SIZE_BYTES) {
                    if (MemorySegment.mismatch(now, at, at + Page.SIZE_BYTES, copy, at, at + Page.SIZE_BYTES) >= 0) {
                        MemorySegment.copy(now, at, copy, at, Page.SIZE_BYTES);
                        dirty.get(block).set(at / Page.SIZE_BYTES);
                        reported++;
                    }
                }
            }
            return reported;
        }

        @Override
        public void beforeRead(int blockIndex, long firstPage, long pages) {}

        @Override
        public void close() {
            recordsWrites = false;
        }
    }
}
