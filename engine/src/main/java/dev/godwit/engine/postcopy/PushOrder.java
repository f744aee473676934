package dev.godwit.engine.postcopy;

import java.util.Optional;

/**
 * In which order pages are pushed that nobody has asked for. Pure: it knows the claims and the requests, and neither
 * clock nor channel. Owned by the thread that pushes.
 */
public interface PushOrder {

    /** {@return the next host page to be pushed, which the caller then tries to claim; empty when none is left} */
    Optional<PagePlace> next();

    /** Hears which host page was asked for last. */
    void requested(PagePlace hostPage);

    /** {@return whether the pages behind the one that {@link #next} named go well with it} */
    boolean inRuns();

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
     * {@return first the pages of a recording, in its order, then as fault-forward} Pages without content are pushed
     * too, where they are on the way: so little is cheaper than a request.
     *
     * @param recording places of host pages
     */
    static PushOrder recorded(PageClaims claims, Iterable<PagePlace> recording) {
        return new RecordedPush(claims, recording, new RoundPush(claims, true, true));
    }
}
