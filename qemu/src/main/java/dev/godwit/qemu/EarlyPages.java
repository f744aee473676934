package dev.godwit.qemu;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyCounters;
import java.io.IOException;
import java.util.List;

/**
 * Sends the host pages of a postcopy that are at the destination before the guest runs, as a precopy sends them: in one
 * PART section ahead of the discard of the rest.
 */
final class EarlyPages {

    private final RamSource ram;
    private final PageClaims claims;
    private final PostcopyCounters counters;
    private final Progress progress;

    EarlyPages(RamSource ram, PageClaims claims, PostcopyCounters counters, Progress progress) {
        this.ram = ram;
        this.claims = claims;
        this.counters = counters;
        this.progress = progress;
    }

    /** Claims and sends them. */
    void send(List<PagePlace> hostPages, PostcopyFrame frame) throws IOException {
        if (hostPages.isEmpty()) {
            return;
        }
        PostcopyPages pages = new PostcopyPages(ram, claims, frame.writer());
        frame.beginPart();
        for (PagePlace place : hostPages) {
            boolean content = claims.isToPush(place.blockIndex(), place.page());
            if (claims.claim(place.blockIndex(), place.page())) {
                pages.read(place.blockIndex(), place.page(), 1);
                pages.write(place.blockIndex(), place.page(), 1);
                count(claims.hostPageBytes(place.blockIndex()), content);
            }
        }
        frame.endPart();
    }

    private void count(long bytes, boolean content) {
        if (content) {
            counters.pushed(bytes);
            progress.advance(bytes);
        } else {
            counters.pushedZero(bytes);
        }
    }
}
