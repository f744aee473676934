package dev.godwit.engine.postcopy;

import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The RAM of a guest that has gone first, which its source gives back (capability {@code release-ram}, qemu-migration
 * specification section 3.10): pages as soon as they are sent, and little by little those that the destination had
 * before.
 *
 * <p>Nothing is given back until the destination has said that the guest runs there: before, it may come back here.
 * What was sent until then goes at the end. After that memory reads as zero. Thread-safe.
 */
public final class ReleasedRam implements PostcopyWork.Listener {

    /** Of what was there before, behind each page or run of pages that is sent: somebody may wait for the next. */
    private static final long AT_ONCE_BYTES = 2 << 20;

    private final PostcopyRam ram;
    private final PageClaims left;
    private final Runnable onRun;
    private final ReentrantLock turn = new ReentrantLock();
    private volatile boolean runs;
    private volatile boolean refused;
    private int block;
    private long hostPage;

    /**
     * Memory of which nothing has been given back.
     *
     * @param left what the destination has not when the guest goes; claimed by nobody
     * @param onRun is told when the guest runs there
     */
    public ReleasedRam(PostcopyRam ram, PageClaims left, Runnable onRun) {
        this.ram = ram;
        this.left = left;
        this.onRun = onRun;
    }

    @Override
    public void runs() {
        onRun.run();
        runs = true;
    }

    @Override
    public void sent(int blockIndex, long offsetBytes, long lengthBytes) {
        if (!runs) {
            return;
        }
        release(blockIndex, offsetBytes, lengthBytes);
        if (turn.tryLock()) {
            try {
                releaseSome();
            } finally {
                turn.unlock();
            }
        }
    }

    /** All of the guest is at the destination. */
    public void end() {
        RamLayout layout = left.layout();
        for (int index = 0; index < layout.blocks().size(); index++) {
            release(index, 0, layout.block(index).lengthBytes());
        }
    }

    private void releaseSome() {
        while (block < left.layout().blocks().size()) {
            long first = left.nextClaimed(block, hostPage);
            if (first < left.hostPages(block)) {
                long next = left.nextUnclaimed(block, first);
                long end = next < 0 ? left.hostPages(block) : next;
                long bytes = left.hostPageBytes(block);
                hostPage = Math.min(end, first + Math.max(1, AT_ONCE_BYTES / bytes));
                release(block, first * bytes, (hostPage - first) * bytes);
                return;
            }
            block++;
            hostPage = 0;
        }
    }

    private void release(int blockIndex, long offsetBytes, long lengthBytes) {
        try {
            ram.discard(blockIndex, offsetBytes, lengthBytes);
        } catch (IOException e) {
            if (!refused) {
                refused = true;
                System.getLogger("dev.godwit.engine")
                        .log(Level.WARNING, "release-ram: memory here cannot be given back", e);
            }
        }
    }
}
