package dev.godwit.host;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.linux.ThreadTimes;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Off-heap memory of any Java program as a {@link Machine}: the program says how its writers are stopped and let go,
 * and keeps a small state of its own; memory, dirty log and write tracking are had here.
 *
 * <p><b>How the program may touch the memory.</b> Reads may come from anywhere at any time. As for writes:
 *
 * <ul>
 *   <li>A <em>background snapshot</em> protects pages synchronously: a writer waits until its page is kept. Writers
 *       must be native calls then: {@link dev.godwit.linux.NativeMemory}, other downcalls, and, where
 *       {@link Program#writesBySystemCalls} says so, reads of channels into the memory. A thread that waited in a
 *       {@link java.lang.foreign.MemorySegment} access would hold up every safepoint, and with it the thread that
 *       serves it: the process would hang.
 *   <li>The <em>dirty log</em>, and with it a live move and a live snapshot, protects pages asynchronously: the kernel
 *       itself lifts the protection, and nobody ever waits. It suits plain {@code MemorySegment} access.
 * </ul>
 */
public final class ProgramMachine implements Machine {

    /** What the program does for its machine. Called by one thread at a time, not always the same one. */
    public interface Program {

        /** Stops the writers: when this returns, none writes the memory until {@link #resume}. */
        void pause() throws IOException;

        /** Lets the writers go on. */
        void resume() throws IOException;

        /** {@return what must go with the memory, up to some megabytes} Called while the writers stand still. */
        byte[] save() throws IOException;

        /**
         * Takes a saved state; the memory is there, and the writers stand still.
         *
         * @throws IOException if it is not one of this program
         */
        void load(byte[] state) throws IOException;

        /**
         * {@return whether system calls write the memory, a channel's read for example} Such writes can only be tracked
         * with rights that a user may lack; where it is wrongly denied they fail during a background snapshot.
         */
        default boolean writesBySystemCalls() {
            return true;
        }
    }

    private static final String IDSTR = "program";
    private static final String LENGTH = "state-bytes";
    private static final String STATE = "state";

    private final String type;
    private final RamAllocation ram;
    private final Program program;
    private volatile boolean running;

    private ProgramMachine(String type, RamAllocation ram, Program program) {
        this.type = type;
        this.ram = ram;
        this.program = program;
    }

    /** {@return zeroed memory for a program, one block, which belongs to the machine that is made of it} */
    public static RamAllocation memory(long lengthBytes) throws IOException {
        return RamAllocation.allocate(new RamLayout(List.of(new RamBlock("memory", lengthBytes))), RamOptions.DEFAULT);
    }

    /**
     * {@return a paused machine}
     *
     * @param type says what program it is, with its version: both sides of a move must have the same
     * @param ram belongs to the machine from now on
     * @param program whose writers stand still
     */
    public static ProgramMachine of(String type, RamAllocation ram, Program program) {
        return new ProgramMachine(type, ram, program);
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
    public boolean isWrittenByKernel() {
        return program.writesBySystemCalls();
    }

    @Override
    public int vcpus() {
        return 1;
    }

    @Override
    public DirtyLog startDirtyLog(String method) throws IOException {
        if (!dirtyLogMethods().contains(method)) {
            throw new IOException("a program has the dirty log %s, not %s".formatted(dirtyLogMethods(), method));
        }
        return PagemapDirtyLog.start(ram);
    }

    @Override
    public List<String> dirtyLogMethods() {
        return List.of(PagemapDirtyLog.METHOD);
    }

    @Override
    public void pause() throws IOException {
        if (running) {
            program.pause();
            running = false;
        }
    }

    @Override
    public void resume() throws IOException {
        if (!running) {
            program.resume();
            running = true;
        }
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public MachineState save() throws IOException {
        requirePaused();
        byte[] state = program.save();
        DeviceState.Builder device = DeviceState.of(IDSTR, 0, 1).uint32(LENGTH, state.length);
        return new MachineState(List.of((state.length == 0 ? device : device.buffer(STATE, state)).build()));
    }

    @Override
    public void load(MachineState state) throws IOException {
        requirePaused();
        DeviceState device = state.device(IDSTR, 0).atMostVersion(1);
        int lengthBytes = device.uint32(LENGTH);
        program.load(lengthBytes == 0 ? new byte[0] : device.buffer(STATE, lengthBytes));
    }

    private void requirePaused() {
        if (running) {
            throw new IllegalStateException("the program runs");
        }
    }

    @Override
    public long processTimeNs() {
        return ThreadTimes.ofProcess();
    }

    /** Does nothing: a program is not slowed down. */
    @Override
    public void throttle(int percentage) {}

    /** Pauses the program for good, and unmaps its memory: nobody may touch it afterwards. */
    @Override
    public void close() throws IOException {
        try {
            pause();
        } finally {
            ram.close();
        }
    }
}
