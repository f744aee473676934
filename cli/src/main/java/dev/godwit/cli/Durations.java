package dev.godwit.cli;

import java.time.Duration;
import java.util.Locale;

/** Times for people: three digits that matter, and the unit. */
final class Durations {

    private Durations() {}

    static String text(Duration duration) {
        double ms = duration.toNanos() / 1e6;
        if (ms < 100) {
            return String.format(Locale.ROOT, "%.1f ms", ms);
        }
        return ms < 1000 ? String.format(Locale.ROOT, "%.0f ms", ms) : String.format(Locale.ROOT, "%.2f s", ms / 1000);
    }
}
