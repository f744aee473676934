package dev.godwit.engine;

/**
 * What tables about every page of a guest take of this JVM's heap, worked out before they are made: so that a guest too
 * large is refused by name, and not by an {@link OutOfMemoryError} in the middle of the work.
 *
 * @param bytes what the tables take at most
 */
public record HeapNeed(long bytes) {

    /** Tables may have one part in so many of the heap: the rest is for what comes and goes. */
    private static final int SHARE = 2;

    private static final long MIB = 1 << 20;

    /** {@return whether this JVM's heap is large enough} */
    public boolean fits() {
        return bytes <= Runtime.getRuntime().maxMemory() / SHARE;
    }

    /** {@return what is missing and how to get it, to follow what needs it} */
    public String remedy() {
        long wantedMib = (long) (bytes * 1.1 * SHARE / MIB) + 1; // a collector keeps some of -Xmx to itself
        return "a heap of %d MiB, and this JVM's has %d MiB; GODWIT_OPTS=-Xmx%dm sets it"
                .formatted(wantedMib, Runtime.getRuntime().maxMemory() / MIB, wantedMib);
    }

    /** {@return a limit in bytes that a small heap makes smaller: one part in {@code parts} of it} */
    public static int limit(int limitBytes, int parts) {
        return (int) Math.min(limitBytes, Runtime.getRuntime().maxMemory() / parts);
    }
}
