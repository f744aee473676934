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

    private final int mostRounds;
    private final int mostTimesAllPages;

    /** The rule with Xen's own numbers: 29 rounds, and three times all pages. */
    public RoundsStop() {
        this(MOST_ROUNDS, MOST_TIMES_ALL_PAGES);
    }

    /**
     * The rule with other numbers.
     *
     * @param mostRounds with a running guest, at least 1; 0 for Xen's own 29
     * @param mostTimesAllPages when more than so many times all pages have been sent there is no hope; 0 for Xen's own
     *     3
     * @throws IllegalArgumentException if one is negative
     */
    public RoundsStop(int mostRounds, int mostTimesAllPages) {
        if (mostRounds < 0 || mostTimesAllPages < 0) {
            throw new IllegalArgumentException(
                    "mostRounds=%d, mostTimesAllPages=%d".formatted(mostRounds, mostTimesAllPages));
        }
        this.mostRounds = mostRounds == 0 ? MOST_ROUNDS : mostRounds;
        this.mostTimesAllPages = mostTimesAllPages == 0 ? MOST_TIMES_ALL_PAGES : mostTimesAllPages;
    }

    @Override
    public Decision decide(LapView view) {
        if (!view.roundOver()) {
            return Decision.SEND;
        }
        boolean enough = view.rounds() >= mostRounds
                || view.sentPages() + view.skippedPages() < FEW_PAGES
                || view.sentPagesInAll() > mostTimesAllPages * view.totalPages();
        return enough && view.canSwitchOver() ? Decision.SWITCH_OVER : Decision.READ_DIRTY_LOG;
    }

    @Override
    public void windowEnded(long bytes, long ms, LapView view, MigrationParameters parameters) {}

    @Override
    public OptionalLong expectedDowntimeMs() {
        return OptionalLong.empty();
    }
}
