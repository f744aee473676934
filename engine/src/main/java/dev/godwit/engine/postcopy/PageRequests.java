package dev.godwit.engine.postcopy;

import dev.godwit.ram.PageBitmap;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The pages that a destination waits for, in the order in which it asked. Each page stands in it at most once, however
 * often it is asked for, so its length is bounded by the guest's.
 *
 * <p>One thread hears requests, another serves them; either may wait here.
 */
public final class PageRequests {

    /**
     * A page that is waited for.
     *
     * @param place of the host page
     * @param askedNs when it was asked for, by {@link System#nanoTime}
     */
    public record Request(PagePlace place, long askedNs) {}

    private final PageClaims claims;
    private final ArrayDeque<Request> queue = new ArrayDeque<>();
    private final List<PageBitmap> queued = new ArrayList<>();
    private @Nullable PagePlace newest;
    private long changes;

    /** No requests yet. */
    public PageRequests(PageClaims claims) {
        this.claims = claims;
        for (int block = 0; block < claims.layout().blocks().size(); block++) {
            queued.add(new PageBitmap(claims.layout().block(block).lengthBytes() / claims.hostPageBytes(block)));
        }
    }

    /**
     * Adds a page, unless it is claimed (it is there or on its way) or stands here already.
     *
     * @return whether it was added
     */
    public synchronized boolean add(PagePlace hostPage, long nowNs) {
        PageBitmap here = queued.get(hostPage.blockIndex());
        if (here.get(hostPage.page()) || !claims.isUnclaimed(hostPage.blockIndex(), hostPage.page())) {
            return false;
        }
        here.set(hostPage.page());
        queue.add(new Request(hostPage, nowNs));
        newest = hostPage;
        wake();
        return true;
    }

    /** {@return the request that has waited longest, which is now the caller's to serve} */
    public synchronized Optional<Request> poll() {
        return Optional.ofNullable(queue.poll());
    }

    /** {@return the page that was asked for last, once; empty where none was since the last call} */
    public synchronized Optional<PagePlace> newest() {
        Optional<PagePlace> place = Optional.ofNullable(newest);
        newest = null;
        return place;
    }

    /** {@return how often there was something new: a mark for {@link #await}} */
    public synchronized long changes() {
        return changes;
    }

    /**
     * Waits for something new: a request, or a {@link #wake}.
     *
     * @param seenChanges what {@link #changes} said before the caller looked, so that nothing new is slept through
     * @param ns how long to wait at most
     */
    public synchronized void await(long seenChanges, long ns) throws InterruptedException {
        long deadlineNs = System.nanoTime() + ns;
        while (changes == seenChanges) {
            long leftNs = deadlineNs - System.nanoTime();
            if (leftNs <= 0) {
                return;
            }
            wait(leftNs / 1_000_000, (int) (leftNs % 1_000_000));
        }
    }

    /** Ends the waits under way: something else than the requests has changed. */
    public synchronized void wake() {
        changes++;
        notifyAll();
    }
}
