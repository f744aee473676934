package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.ram.RamLayout;
import java.io.IOException;

/**
 * Xen's rule: a page that the guest has written again since the log was read last would only be sent twice, so it is
 * left for the next round (Xen migration specification section 1.4).
 */
public final class PeekSkip implements SkipRule {

    private final DirtyPages again;

    /** A rule for a machine's pages. */
    public PeekSkip(RamLayout layout) {
        again = DirtyPages.none(layout);
    }

    @Override
    public void look(DirtyLog log) throws IOException {
        again.collect(log);
    }

    @Override
    public boolean skips(int blockIndex, long page) {
        return again.block(blockIndex).get(page);
    }

    @Override
    public void giveBack(DirtyPages dirty) {
        dirty.add(again);
        again.clearAll();
    }
}
