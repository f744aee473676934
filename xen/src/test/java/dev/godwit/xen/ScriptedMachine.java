package dev.godwit.xen;

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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.LongConsumer;

/**
 * A machine whose guest and device model write what a scenario says: lines {@code KIND N FRAME[-FRAME]...}, where P, C
 * are the guest before the N-th PEEK, CLEAN is answered, Q the device model before the N-th CLEAN, S the guest before
 * it is suspended. Frame p is page p of one block, and holds the words p and its generation again and again.
 */
final class ScriptedMachine implements Machine {

    private static final long FIRST_WRITTEN_GENERATION = 0x1000_0000L;

    private final Arena arena = Arena.ofConfined();
    private final GuestMemory memory;
    private final WordSize words;
    private final Map<String, List<Long>> script = new HashMap<>();
    private final PageBitmap log;
    final Deque<Suspension.State> states = new ArrayDeque<>();
    final List<String> calls = new ArrayList<>();
    private LongConsumer deviceModel = _ -> {};
    private long generation = FIRST_WRITTEN_GENERATION;
    private boolean running;

    ScriptedMachine(long frames, WordSize words, String scenario) {
        this.words = words;
        RamLayout layout = new RamLayout(List.of(new RamBlock("ram", frames * Page.SIZE_BYTES)));
        MemorySegment ram = arena.allocate(frames * Page.SIZE_BYTES, Page.SIZE_BYTES);
        memory = new GuestMemory(layout, List.of(ram), List.of((long) Page.SIZE_BYTES));
        log = new PageBitmap(frames);
        for (long frame = 0; frame < frames; frame++) {
            fill(frame, frame + 1);
        }
        scenario.lines().forEach(this::addLine);
    }

    private void addLine(String line) {
        String[] parts = line.strip().split(" ", -1);
        List<Long> frames = script.computeIfAbsent(parts[0] + parts[1], _ -> new ArrayList<>());
        for (int i = 2; i < parts.length; i++) {
            String[] range = parts[i].split("-", -1);
            long end = Long.parseLong(range[range.length - 1], 16);
            for (long frame = Long.parseLong(range[0], 16); frame <= end; frame++) {
                frames.add(frame);
            }
        }
    }

    /** Sets who hears of the frames that the device model writes. */
    void deviceModel(LongConsumer marks) {
        deviceModel = marks;
    }

    private void fill(long frame, long written) {
        MemorySegment ram = memory.block(0);
        for (long at = frame * Page.SIZE_BYTES; at < (frame + 1) * Page.SIZE_BYTES; at += 2L * words.bytes()) {
            if (words == WordSize.BITS_64) {
                ram.set(Layouts.U64, at, frame);
                ram.set(Layouts.U64, at + 8, written);
            } else {
                ram.set(Layouts.U32, at, (int) frame);
                ram.set(Layouts.U32, at + 4, (int) written);
            }
        }
    }

    private void guestWrites(String step) {
        for (long frame : script.getOrDefault(step, List.of())) {
            log.set(frame);
            fill(frame, ++generation);
        }
    }

    private void deviceModelWrites(String step) {
        for (long frame : script.getOrDefault(step, List.of())) {
            deviceModel.accept(frame);
            fill(frame, ++generation);
        }
    }

    @Override
    public DirtyLog startDirtyLog(String method) {
        calls.add("enable");
        return new Log();
    }

    /** The bitmaps that are read into first are those of the pages to be sent: to read into others is to peek. */
    private final class Log implements DirtyLog {

        private List<PageBitmap> toSend = List.of();
        private int peeks;
        private int cleans;

        @Override
        public String method() {
            return "script";
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // which bitmaps, not what is in them
        public long collect(List<PageBitmap> dirty) {
            if (toSend.isEmpty()) {
                toSend = dirty;
            } else if (dirty == toSend) {
                guestWrites("C" + ++cleans);
                deviceModelWrites("Q" + cleans);
            } else {
                guestWrites("P" + ++peeks);
            }
            dirty.getFirst().or(log);
            long reported = log.setPages();
            log.clear(0, log.pages());
            return reported;
        }

        @Override
        public void beforeRead(int blockIndex, long firstPage, long pages) {}

        @Override
        public void close() {
            calls.add("disable");
        }
    }

    @Override
    public String type() {
        return "script";
    }

    @Override
    public Optional<UUID> uuid() {
        return Optional.empty();
    }

    @Override
    public GuestMemory memory() {
        return memory;
    }

    @Override
    public int vcpus() {
        return 2;
    }

    @Override
    public List<String> dirtyLogMethods() {
        return List.of("script");
    }

    @Override
    public void pause() throws IOException {
        if (running) {
            new Suspending().suspend();
        }
        running = false;
        guestWrites("S1");
    }

    /** Says what {@link #states} hold, then that it is done. */
    private final class Suspending implements Suspension {

        @Override
        public void request() {
            calls.add("suspend");
        }

        @Override
        public State state() {
            return states.isEmpty() ? State.SUSPENDED : states.remove();
        }

        @Override
        public void unpause() {
            calls.add("unpause");
        }
    }

    @Override
    public void resume() {
        running = true;
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public MachineState save() {
        return new MachineState(List.of());
    }

    @Override
    public void load(MachineState state) {
        throw new UnsupportedOperationException("only a source");
    }

    @Override
    public void throttle(int percentage) {}

    @Override
    public void close() {
        arena.close();
    }
}
