package dev.godwit.snapshot;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Collects damages from several threads: all are counted, the first are kept. */
final class Findings {

    private final int maxKept;
    private final List<Damage> kept = new ArrayList<>();
    private long count;
    private long damagedPages;
    private long checkedPages;

    Findings(int maxKept) {
        this.maxKept = maxKept;
    }

    synchronized void add(Damage damage) {
        count++;
        if (damage instanceof Damage.Page) {
            damagedPages++;
        }
        if (kept.size() < maxKept) {
            kept.add(damage);
        }
    }

    synchronized void checked(long pages) {
        checkedPages += pages;
    }

    synchronized boolean isEmpty() {
        return count == 0;
    }

    synchronized VerificationReport report(Snapshot.Kind kind, VerificationReport.Scope scope, long presentPages) {
        kept.sort(Comparator.comparingLong(Damage::positionBytes));
        return new VerificationReport(kind, scope, presentPages, checkedPages, damagedPages, count, kept);
    }
}
