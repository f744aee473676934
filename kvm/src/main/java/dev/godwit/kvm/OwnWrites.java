package dev.godwit.kvm;

import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;

/**
 * The pages that this program wrote in the guest's place. Thread-safe: marked by any thread, taken by the log's owner.
 */
final class OwnWrites {

    private final PageBitmap pages;

    OwnWrites(long ramPages) {
        this.pages = new PageBitmap(ramPages);
    }

    void mark(long ramOffset, long lengthBytes) {
        if (lengthBytes > 0) {
            long last = (ramOffset + lengthBytes - 1) / Page.SIZE_BYTES;
            for (long page = ramOffset / Page.SIZE_BYTES; page <= last; page++) {
                pages.set(page);
            }
        }
    }

    /** Moves all marks over; {@return how many} */
    long take(PageBitmap dirty) {
        long taken = 0;
        for (long page = pages.nextSet(0); page >= 0; page = pages.nextSet(page + 1)) {
            if (pages.testAndClear(page)) {
                dirty.set(page);
                taken++;
            }
        }
        return taken;
    }
}
