package dev.godwit.qemu;

import java.util.ArrayDeque;

/**
 * How much of the main channel's stream is on its way to the destination, by PINGs strewn into it: their PONGs come
 * when all before them has been placed. What is pushed unasked must not pile up in the buffers of a connection, where
 * every page that is asked for would have to wait behind it.
 *
 * <p>The sender writes, the reader of the return path acknowledges. Thread-safe.
 */
final class PostcopyInFlight {

    /** While pages are asked for: so much delays each by well under a millisecond. */
    static final long BUSY_BYTES = 256 << 10;

    /** While none is asked for. */
    static final long QUIET_BYTES = 4 << 20;

    private static final long BUSY_PING_BYTES = 64 << 10;
    private static final long QUIET_PING_BYTES = 512 << 10;

    /** Above the values by which the stages of a migration are known. */
    private static final int FIRST_PING = 0x1000;

    private record Ping(int value, long position) {}

    private final ArrayDeque<Ping> pings = new ArrayDeque<>();
    private int nextPing = FIRST_PING;
    private long pingedPosition;
    private long placedPosition;
    private long heardNs = System.nanoTime();

    /**
     * Says whether a PING has to be written.
     *
     * @param position of the stream
     * @param busy whether pages are asked for
     * @return its value, or 0
     */
    synchronized int pingDue(long position, boolean busy) {
        if (position - pingedPosition < (busy ? BUSY_PING_BYTES : QUIET_PING_BYTES)) {
            return 0;
        }
        pingedPosition = position;
        if (pings.isEmpty()) {
            heardNs = System.nanoTime();
        }
        pings.add(new Ping(nextPing, position));
        return nextPing++;
    }

    /** Hears a PONG; one that is not awaited is somebody else's. */
    synchronized void pong(int value) {
        if (pings.stream().noneMatch(ping -> ping.value() == value)) {
            return;
        }
        while (!pings.isEmpty()) {
            Ping oldest = pings.remove();
            heardNs = System.nanoTime();
            placedPosition = Math.max(placedPosition, oldest.position());
            if (oldest.value() == value) {
                return;
            }
        }
    }

    /** {@return whether more may be pushed} */
    synchronized boolean hasRoom(boolean busy) {
        return pings.isEmpty() || pingedPosition - placedPosition < (busy ? BUSY_BYTES : QUIET_BYTES);
    }

    /** {@return for how long a PONG has been waited for, in nanoseconds} */
    synchronized long silentNs() {
        return pings.isEmpty() ? 0 : System.nanoTime() - heardNs;
    }
}
