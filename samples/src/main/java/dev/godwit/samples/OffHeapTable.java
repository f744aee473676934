package dev.godwit.samples;

import dev.godwit.host.ProgramMachine;
import dev.godwit.host.RamAllocation;
import dev.godwit.linux.NativeMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.StampedLock;

/**
 * A table of numbers by key in off-heap memory that serves reads and writes all the time, and can be kept in a file and
 * moved to another process while it does. Writes are native calls, so that one may wait for a page during a snapshot.
 */
public final class OffHeapTable implements ProgramMachine.Program {

    private final MemorySegment values;
    private final StampedLock gate = new StampedLock();
    private final Object[] rows = new Object[256];
    private final AtomicLong writes = new AtomicLong();
    private volatile long shut = gate.writeLock(); // a machine begins paused

    private OffHeapTable(MemorySegment values) {
        this.values = values;
        Arrays.setAll(rows, _ -> new Object());
    }

    /** A table, and the machine that it is. */
    public record Hosted(OffHeapTable table, ProgramMachine machine) {}

    /** {@return a table of zeros for keys from 0 to {@code keys - 1}, paused} */
    public static Hosted create(long keys) throws IOException {
        RamAllocation ram = ProgramMachine.memory(Math.ceilDiv(keys * 8, 4096) * 4096);
        OffHeapTable table = new OffHeapTable(ram.memory().block(0));
        return new Hosted(table, ProgramMachine.of("off-heap-table-1", ram, table));
    }

    /** {@return the number of a key} */
    public long get(long key) {
        return values.getAtIndex(ValueLayout.JAVA_LONG, key); // reading never waits
    }

    /** Adds to the number of a key. */
    public void add(long key, long amount) {
        whileOpen(() -> addTo(key, amount));
    }

    /** Takes from one key what it gives to another: the sum of the table stays what it is. */
    public void transfer(long from, long to, long amount) {
        whileOpen(() -> {
            addTo(from, -amount);
            addTo(to, amount);
        });
    }

    private void whileOpen(Runnable change) {
        long shared = gate.readLock(); // the machine pauses between changes, never inside one
        try {
            change.run();
            writes.incrementAndGet();
        } finally {
            gate.unlockRead(shared);
        }
    }

    private void addTo(long key, long amount) {
        synchronized (rows[(int) (key % rows.length)]) {
            NativeMemory.store(values.address() + key * 8, get(key) + amount);
        }
    }

    /** {@return how many changes were made, from the beginning of the table on, wherever it was} */
    public long writes() {
        return writes.get();
    }

    @Override
    public void pause() {
        shut = gate.writeLock();
    }

    @Override
    public void resume() {
        gate.unlockWrite(shut);
    }

    @Override
    public byte[] save() {
        return ByteBuffer.allocate(8).putLong(writes.get()).array();
    }

    @Override
    public void load(byte[] state) {
        writes.set(ByteBuffer.wrap(state).getLong());
    }

    @Override
    public boolean writesBySystemCalls() {
        return false;
    }
}
