package dev.godwit.engine.postcopy;

import java.util.Optional;

/**
 * In which order pages are pushed that nobody has asked for. Pure: it knows the claims and the requests, and neither
 * clock nor channel. Owned by the thread that pushes.
 */
public interface PushOrder {

    /** What is pushed behind a page while the guest's next request is on its way. */
    long BEHIND_BYTES = 256 << 10;

    /** {@return the next host page to be pushed, which the caller then tries to claim; empty when none is left} */
    Optional<PagePlace> next();

    /** Hears which host page was asked for last. */
    void requested(PagePlace hostPage);

    /** {@return how many host pages go well together, from the one on that {@link #next} named; at least 1} */
    long pagesInRun();

    /** {@return whether pages without content are pushed too, which a guest would have to ask for otherwise} */
    boolean pushesZeros();

    /** {@return from the first block's first page to the last's last} */
    static PushOrder linear(PageClaims claims) {
        return new RoundPush(claims, false, false);
    }

    /** {@return QEMU's own: like linear, but it goes on behind each page that is asked for} */
    static PushOrder faultForward(PageClaims claims) {
        return new RoundPush(claims, true, false);
    }

    /**
     * {@return first the pages of a recording, in its order, then {@value #BEHIND_BYTES} bytes behind each, then as
     * fault-forward; before all what lies behind a page that is asked for} Pages without content are pushed too, where
     * they are on the way: so little is cheaper than a request.
     *
     * @param recording places of host pages
     */
    static PushOrder recorded(PageClaims claims, Iterable<PagePlace> recording) {
        return new RecordedPush(claims, recording, BEHIND_BYTES, new RoundPush(claims, true, true));
    }
}
