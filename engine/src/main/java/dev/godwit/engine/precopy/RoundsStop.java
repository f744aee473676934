package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationParameters;
import java.util.OptionalLong;

/**
 * Xen's rule of 2007: the guest is stopped after a round in which hardly any page was left, after so many rounds, or
 * when so much has been sent that there is no hope (Xen migration specification section 1.8).
 */
public final class RoundsStop implements StopRule {

    private static final int MOST_ROUNDS = 29;
    private static final int MOST_TIMES_ALL_PAGES = 3;
    private static final int FEW_PAGES = 50;

    @Override
    public Decision decide(LapView view) {
        if (!view.roundOver()) {
            return Decision.SEND;
        }
        boolean enough = view.rounds() >= MOST_ROUNDS
                || view.sentPages() + view.skippedPages() < FEW_PAGES
                || view.sentPagesInAll() > MOST_TIMES_ALL_PAGES * view.totalPages();
        return enough && view.canSwitchOver() ? Decision.SWITCH_OVER : Decision.READ_DIRTY_LOG;
    }

    @Override
    public void windowEnded(long bytes, long ms, LapView view, MigrationParameters parameters) {}

    @Override
    public OptionalLong expectedDowntimeMs() {
        return OptionalLong.empty();
    }
}
