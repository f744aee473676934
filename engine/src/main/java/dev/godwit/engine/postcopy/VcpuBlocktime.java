package dev.godwit.engine.postcopy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * For how long the vCPUs of a guest waited for pages in postcopy: each by itself, and all of them at once
 * (qemu-migration specification section 9.6). Thread-safe; takes the time as an argument.
 */
public final class VcpuBlocktime {

    private static final int NOBODY = -1;

    private final List<Integer> threadIds;
    private final long[] sinceNs;
    private final long[] waitedNs;
    private final @Nullable PagePlace[] places;
    private int waiting;
    private long allSinceNs;
    private long allWaitedNs;

    /**
     * Nobody has waited yet.
     *
     * @param threadIds of the vCPUs, as the kernel numbers threads; may be empty where they are not known
     */
    public VcpuBlocktime(List<Integer> threadIds) {
        this.threadIds = List.copyOf(threadIds);
        this.sinceNs = new long[threadIds.size()];
        this.waitedNs = new long[threadIds.size()];
        this.places = new PagePlace[threadIds.size()];
    }

    /** A thread waits for a page; one that is no vCPU does not count, nor one that waits for it already. */
    public synchronized void begin(PagePlace hostPage, int threadId, long nowNs) {
        int vcpu = threadId == 0 ? NOBODY : threadIds.indexOf(threadId);
        if (vcpu == NOBODY || hostPage.equals(places[vcpu])) {
            return;
        }
        if (places[vcpu] == null) {
            waiting++;
            if (waiting == threadIds.size()) {
                allSinceNs = nowNs;
            }
        } else {
            waitedNs[vcpu] += nowNs - sinceNs[vcpu];
        }
        places[vcpu] = hostPage;
        sinceNs[vcpu] = nowNs;
    }

    /** A page is here: whoever waits for it goes on. */
    public synchronized void end(PagePlace hostPage, long nowNs) {
        if (waiting == 0) {
            return;
        }
        boolean all = waiting == threadIds.size();
        for (int vcpu = 0; vcpu < places.length; vcpu++) {
            if (hostPage.equals(places[vcpu])) {
                waitedNs[vcpu] += nowNs - sinceNs[vcpu];
                places[vcpu] = null;
                waiting--;
            }
        }
        if (all && waiting < threadIds.size()) {
            allWaitedNs += nowNs - allSinceNs;
        }
    }

    /** {@return for how long each vCPU has waited, in nanoseconds; waits under way are not counted} */
    public synchronized List<Long> vcpuNs() {
        List<Long> all = new ArrayList<>();
        for (long ns : waitedNs) {
            all.add(ns);
        }
        return Collections.unmodifiableList(all);
    }

    /** {@return for how long all vCPUs waited at once, in nanoseconds; a wait under way is not counted} */
    public synchronized long allNs() {
        return allWaitedNs;
    }
}
