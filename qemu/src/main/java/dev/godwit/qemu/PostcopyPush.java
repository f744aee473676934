package dev.godwit.qemu;

import dev.godwit.engine.Progress;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.RateLimit;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PageRequests;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PostcopyEvents;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Optional;

/**
 * Sends the pages of a postcopy: those that are asked for first, and between them the rest in its order, held back by
 * the rate limit and by what is still on its way. It never holds back wholly for requests: a guest that keeps faulting
 * would else never be whole.
 */
final class PostcopyPush {

    /** So long after a request the next is likely, and little may be on its way. */
    private static final long BUSY_NS = 50_000_000;

    /**
     * Both sides have better things to do while the devices are loaded. A destination that is far is not waited for.
     */
    private static final long LONGEST_START_NS = 10_000_000;

    /** Nothing is waited for longer, so that a limit that was changed or a clock that jumped does no harm. */
    private static final long LONGEST_WAIT_NS = 1_000_000_000;

    /** A destination that is this slow has gone, or hangs. */
    private static final long LONGEST_SILENCE_NS = 120_000_000_000L;

    /**
     * A page without content takes few bytes of the stream, and its destination a part of the time that one with
     * content takes: a fourth, generously.
     */
    private static final int ZERO_WORK = 4;

    /** So many host pages without content are sent at once. */
    private static final int ZERO_RUN = 1024;

    private final PostcopyWork work;
    private final PageClaims claims;
    private final PushOrder order;
    private final PageRequests requests;
    private final PostcopyAnswers answers;
    private final PostcopyInFlight inFlight;
    private final PostcopyCounters counters;
    private final Progress progress;
    private final RateLimit limit = new RateLimit(0, Clock.SYSTEM);
    private final PushPace pace;
    private final long startNs;
    private long lastToldNs = System.nanoTime();
    private long pushedStreamBytes;
    private long zeroWork;
    private volatile long lastServedNs = System.nanoTime();

    /**
     * A push that has not begun.
     *
     * @param awaitsRun whether the guest is about to be started at the destination, and nothing is pushed before
     */
    PostcopyPush(
            PostcopyWork work,
            PageRequests requests,
            PostcopyAnswers answers,
            PostcopyInFlight inFlight,
            boolean awaitsRun) {
        this.work = work;
        this.claims = work.claims();
        this.order = work.order();
        this.requests = requests;
        this.answers = answers;
        this.inFlight = inFlight;
        this.counters = work.counters();
        this.progress = work.progress();
        this.pace = work.pace();
        this.startNs = System.nanoTime() + (awaitsRun ? LONGEST_START_NS : 0);
    }

    /**
     * Pushes until every page with content is claimed.
     *
     * @param servesRequests whether requests are answered on this channel too
     */
    void run(PostcopyChannel main, boolean servesRequests) throws IOException {
        progress.phase("sending RAM to the running guest", claims.bytesToPush());
        pace.begin(System.nanoTime());
        pace.onChange(requests::wake);
        while (true) {
            long seenChanges = requests.changes();
            answers.check();
            if (servesRequests) {
                serveAll(main);
            }
            requests.newest().ifPresent(order::requested);
            Optional<PagePlace> next = order.next();
            long holdNs = next.isPresent() ? holdNs() : 0;
            if (holdNs > 0) {
                await(seenChanges, holdNs);
                continue;
            }
            if (next.isEmpty()) {
                if (servesRequests) {
                    serveAll(main);
                }
                return;
            }
            push(main, next.get());
        }
    }

    /** Sends all that nobody has claimed yet: pages without content. */
    void pushZeros(PostcopyChannel main) throws IOException {
        for (int block = 0; block < claims.layout().blocks().size(); block++) {
            for (long page = claims.nextUnclaimed(block, 0); page >= 0; page = claims.nextUnclaimed(block, page)) {
                int pages = 0;
                while (pages < ZERO_RUN
                        && page + pages < claims.hostPages(block)
                        && claims.claim(block, page + pages)) {
                    pages++;
                }
                if (pages > 0) {
                    main.send(block, page, pages);
                }
                page += Math.max(1, pages);
            }
        }
    }

    private void serveAll(PostcopyChannel channel) throws IOException {
        for (Optional<PageRequests.Request> request = requests.poll(); request.isPresent(); request = requests.poll()) {
            serve(request.get(), channel);
        }
    }

    /** Sends a page that was asked for, unless it is on its way already. */
    void serve(PageRequests.Request request, PostcopyChannel channel) throws IOException {
        PagePlace place = request.place();
        boolean content = claims.isToPush(place.blockIndex(), place.page());
        if (!claims.claim(place.blockIndex(), place.page())) {
            return;
        }
        boolean zero = channel.send(place.blockIndex(), place.page(), 1) == 0;
        long nowNs = System.nanoTime();
        lastServedNs = nowNs;
        long bytes = claims.hostPageBytes(place.blockIndex());
        counters.served(place, bytes, zero, nowNs - request.askedNs());
        pace.served(nowNs - request.askedNs(), nowNs);
        if (content) {
            progress.advance(bytes);
        }
    }

    private long holdNs() throws IOException {
        long nowNs = System.nanoTime();
        if (nowNs - lastToldNs > LONGEST_WAIT_NS) {
            lastToldNs = nowNs;
            PostcopyEvents.totals(counters, claims.bytesToPush(), false);
        }
        if (pace.isHeld(nowNs)) {
            return pace.holdNs();
        }
        if (nowNs < startNs && !answers.mayRun()) {
            return startNs - nowNs;
        }
        if (!inFlight.hasRoom(isBusy())) {
            if (inFlight.silentNs() > LONGEST_SILENCE_NS) {
                throw new IOException(
                        "the destination has placed no page for " + LONGEST_SILENCE_NS / 1_000_000_000 + " s");
            }
            return LONGEST_WAIT_NS; // a PONG ends the wait
        }
        limit.bytesPerSecond(
                slower(pace.bytesPerSecond(nowNs), work.mostBytesPerSecond().getAsLong()));
        limit.turn(pushedStreamBytes);
        return limit.isUsedUp(pushedStreamBytes) ? Math.max(1, limit.leftNs()) : 0;
    }

    private boolean isBusy() {
        return System.nanoTime() - lastServedNs < BUSY_NS;
    }

    /** {@return the lower of two limits, of which each may be 0 for none} */
    private static long slower(long one, long other) {
        return one == 0 || other == 0 ? Math.max(one, other) : Math.min(one, other);
    }

    private void await(long seenChanges, long ns) throws IOException {
        try {
            requests.await(seenChanges, Math.min(ns, LONGEST_WAIT_NS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the push was held back");
        }
    }

    private void push(PostcopyChannel main, PagePlace first) throws IOException {
        int block = first.blockIndex();
        long hostPageBytes = claims.hostPageBytes(block);
        long mostBytes = Math.min(limit.stepBytes(), PostcopyPages.RUN_BYTES);
        long most = Math.min(order.pagesInRun(), Math.max(1, mostBytes / hostPageBytes));
        int pages = 0;
        long contentBytes = 0;
        while (pages < most && first.page() + pages < claims.hostPages(block)) {
            boolean content = claims.isToPush(block, first.page() + pages);
            if ((!content && !order.pushesZeros()) || !claims.claim(block, first.page() + pages)) {
                break;
            }
            pages++;
            contentBytes += content ? hostPageBytes : 0;
        }
        if (pages > 0) {
            long start = main.position();
            long sentBytes = (long) main.send(block, first.page(), pages) * Page.SIZE_BYTES;
            long streamBytes = main.position() - start;
            counters.pushed(contentBytes);
            counters.pushedZero(pages * hostPageBytes - contentBytes);
            progress.advance(contentBytes);
            pushedStreamBytes += streamBytes;
            zeroWork += (pages * hostPageBytes - sentBytes) / ZERO_WORK;
            pace.pushed(streamBytes, System.nanoTime());
        }
        int ping = inFlight.pingDue(main.position() + zeroWork, isBusy());
        if (ping != 0) {
            main.ping(ping);
        }
    }
}
