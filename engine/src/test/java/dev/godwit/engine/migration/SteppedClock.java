package dev.godwit.engine.migration;

import java.util.concurrent.TimeUnit;

/** Time that a test moves by hand; who sleeps moves it too. */
public final class SteppedClock implements Clock {

    private long nowNs;

    /** Lets time pass. */
    public void pass(long ms) {
        nowNs += TimeUnit.MILLISECONDS.toNanos(ms);
    }

    @Override
    public long nanoTime() {
        return nowNs;
    }

    @Override
    public void sleep(long ns) {
        nowNs += ns;
    }
}
