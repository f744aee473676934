package dev.godwit.workload;

import java.util.ArrayList;
import java.util.List;

/** The damage that was found, by whichever thread; the first of it in full. Thread-safe. */
final class DamageLog {

    private static final int KEPT = 100;

    private final List<PageDamage> first = new ArrayList<>();
    private long pages;

    synchronized void add(PageDamage damage) {
        pages++;
        if (first.size() < KEPT) {
            first.add(damage);
        }
    }

    synchronized void addAll(DamageLog other) {
        synchronized (other) {
            other.first.forEach(this::add);
            pages += other.pages - other.first.size();
        }
    }

    synchronized long pages() {
        return pages;
    }

    synchronized List<PageDamage> first() {
        return List.copyOf(first);
    }
}
