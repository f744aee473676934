package dev.godwit.host;

import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.linux.Advice;
import dev.godwit.linux.LinuxException;
import dev.godwit.ram.Page;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Touches guest RAM ahead of the pages that come, by {@code MADV_POPULATE_WRITE} on threads named
 * {@code touch-ahead-N}, which there are from the first extent on that is wanted. Pages of the pool were had with the
 * memory.
 *
 * <p>Where the kernel gives memory quickly, as where it is no guest itself, little is touched ahead
 * ({@link TouchWorth}).
 */
final class TouchAhead implements MemoryAhead {

    /** The thread that brings the pages leaves time to one more; two keep both busy while one of the three waits. */
    private static final int THREADS = 2;

    private enum Extent {
        UNTOUCHED,
        LEFT,
        WANTED,
        BEING_TOUCHED,
        TOUCHED
    }

    private record Place(int blockIndex, int extent) {}

    private final RamAllocation ram;
    private final TouchWorth worth = new TouchWorth();
    private final List<Extent[]> extents = new ArrayList<>();
    private final List<BitSet> untouchedBefore = new ArrayList<>();
    private final Queue<Place> wanted = new ArrayDeque<>();
    private final Lock lock = new ReentrantLock();
    private final Condition isWanted = lock.newCondition();
    private final Condition isTouched = lock.newCondition();
    private int threads;
    private int beingTouched;
    private boolean closed;

    /**
     * Nothing is touched yet.
     *
     * @param ram not unmapped before this is closed
     */
    TouchAhead(RamAllocation ram) {
        this.ram = ram;
        for (int block = 0; block < ram.memory().blocks().size(); block++) {
            boolean fromPool = ram.memory().hostPageBytes().get(block) != Page.SIZE_BYTES;
            long bytes = ram.memory().layout().block(block).lengthBytes();
            Extent[] all = new Extent[fromPool ? 0 : Math.toIntExact(Math.ceilDiv(bytes, EXTENT_BYTES))];
            Arrays.fill(all, Extent.UNTOUCHED);
            extents.add(all);
            untouchedBefore.add(fromPool ? new BitSet() : UntouchedRam.extents(ram, block));
        }
    }

    @Override
    public void soon(int blockIndex, long extent) {
        lock.lock();
        try {
            Extent[] all = extents.get(blockIndex);
            if (closed || extent >= all.length || all[(int) extent] != Extent.UNTOUCHED) {
                return;
            }
            if (worth.ofNext()) {
                all[(int) extent] = Extent.WANTED;
                wanted.add(new Place(blockIndex, (int) extent));
                startThreads();
                isWanted.signal();
            } else {
                all[(int) extent] = Extent.LEFT;
            }
        } finally {
            lock.unlock();
        }
    }

    private void startThreads() {
        while (threads < THREADS) {
            threads++;
            Thread.ofPlatform().name("touch-ahead-" + threads).daemon(true).start(this::touchWanted);
        }
    }

    @Override
    public void now(int blockIndex, long offsetBytes) {
        lock.lock();
        try {
            Extent[] all = extents.get(blockIndex);
            int extent = (int) (offsetBytes / EXTENT_BYTES);
            if (extent < all.length) {
                while (all[extent] == Extent.BEING_TOUCHED) {
                    isTouched.awaitUninterruptibly();
                }
                if (!closed && all[extent] != Extent.TOUCHED) {
                    touchUnlocked(new Place(blockIndex, extent), offsetBytes, Page.SIZE_BYTES);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean wasUntouched(int blockIndex, long extent) {
        return untouchedBefore.get(blockIndex).get((int) extent);
    }

    private void touchWanted() {
        lock.lock();
        try {
            while (!closed) {
                Place place = wanted.poll();
                if (place == null) {
                    isWanted.awaitUninterruptibly();
                } else if (extents.get(place.blockIndex)[place.extent] == Extent.WANTED) {
                    long offsetBytes = place.extent * EXTENT_BYTES;
                    long blockBytes =
                            ram.memory().layout().block(place.blockIndex).lengthBytes();
                    long startNs = System.nanoTime();
                    touchUnlocked(place, offsetBytes, Math.min(EXTENT_BYTES, blockBytes - offsetBytes));
                    worth.took(System.nanoTime() - startNs);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void touchUnlocked(Place place, long offsetBytes, long lengthBytes) {
        Extent[] all = extents.get(place.blockIndex);
        all[place.extent] = Extent.BEING_TOUCHED;
        beingTouched++;
        lock.unlock();
        try {
            touch(place.blockIndex, offsetBytes, lengthBytes);
        } finally {
            lock.lock();
            all[place.extent] = Extent.TOUCHED;
            beingTouched--;
            isTouched.signalAll();
        }
    }

    /** What cannot be touched ahead is touched, or fails, where the page is written. */
    @SuppressWarnings("EmptyCatch")
    private void touch(int blockIndex, long offsetBytes, long lengthBytes) {
        try {
            ram.mapping(blockIndex).advise(Advice.POPULATE_WRITE, offsetBytes, lengthBytes);
        } catch (LinuxException _) {
            // see above; EINVAL before Linux 5.14
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            isWanted.signalAll();
            while (beingTouched > 0) {
                isTouched.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }
}
