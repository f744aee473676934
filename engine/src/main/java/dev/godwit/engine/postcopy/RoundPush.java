package dev.godwit.engine.postcopy;

import java.util.Optional;

/**
 * Goes round through all blocks, upwards, from where it is; jumps behind requests, and names pages without content,
 * where that is wanted.
 */
final class RoundPush implements PushOrder {

    private final PageClaims claims;
    private final boolean jumps;
    private final boolean zeros;
    private int block;
    private long page;

    RoundPush(PageClaims claims, boolean jumps, boolean zeros) {
        this.claims = claims;
        this.jumps = jumps;
        this.zeros = zeros;
    }

    @Override
    public Optional<PagePlace> next() {
        int blocks = claims.layout().blocks().size();
        // The block where it stands is looked at twice: from there on, and at the end of the round up to there.
        for (int step = 0; step <= blocks; step++) {
            long found = zeros ? claims.nextUnclaimed(block, page) : claims.nextToPush(block, page);
            if (found >= 0) {
                page = found;
                return Optional.of(new PagePlace(block, found));
            }
            block = (block + 1) % blocks;
            page = 0;
        }
        return Optional.empty();
    }

    @Override
    public void requested(PagePlace hostPage) {
        if (jumps) {
            block = hostPage.blockIndex();
            page = hostPage.page() + 1;
        }
    }

    @Override
    public long pagesInRun() {
        return Long.MAX_VALUE;
    }

    @Override
    public boolean pushesZeros() {
        return zeros;
    }
}
