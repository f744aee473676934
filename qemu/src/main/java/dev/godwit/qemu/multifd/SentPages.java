package dev.godwit.qemu.multifd;

import java.util.concurrent.atomic.LongAdder;

/** What all channels of a sender have sent so far. Thread-safe. */
final class SentPages {

    private final LongAdder normalPages = new LongAdder();
    private final LongAdder zeroPages = new LongAdder();
    private final LongAdder bytes = new LongAdder();

    void add(int normal, int zero) {
        normalPages.add(normal);
        zeroPages.add(zero);
    }

    void addBytes(long count) {
        bytes.add(count);
    }

    long normalPages() {
        return normalPages.sum();
    }

    long zeroPages() {
        return zeroPages.sum();
    }

    long bytes() {
        return bytes.sum();
    }
}
