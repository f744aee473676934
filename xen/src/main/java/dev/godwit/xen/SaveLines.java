package dev.godwit.xen;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What Xen's saver of 2007 printed of its iterations (Xen migration specification section 1.13), but that the first
 * time is not counted from 1970 and that a domain which stood still has dirtied nothing.
 */
public final class SaveLines {

    private static final int PAGE_BYTES = 4096;
    private static final int BITS_MS_PER_MEGABIT = 125; // bytes in ms to Mb/s, where a megabit is 10^6 bits

    private final long frames;
    private long total;
    private long dirtied;

    /**
     * Lines of one save.
     *
     * @param frames how many frames there are
     */
    public SaveLines(long frames) {
        this.frames = frames;
    }

    /**
     * An iteration that is over.
     *
     * @param number from 1
     * @param last whether the guest stood still
     * @param sent frames
     * @param skipped frames
     * @param dirtied frames that the guest wrote meanwhile
     * @param wallMs how long it took
     * @param toolCpuMs processor time of the tools
     * @param guestCpuMs processor time of the guest
     */
    public record Iteration(
            long number,
            boolean last,
            long sent,
            long skipped,
            long dirtied,
            long wallMs,
            long toolCpuMs,
            long guestCpuMs) {}

    /**
     * {@return what is printed of an iteration}
     *
     * @param isLastNext whether the guest was suspended after it
     */
    public List<String> of(Iteration iteration, boolean isLastNext) {
        total += iteration.sent();
        if (!iteration.last()) {
            dirtied = iteration.dirtied();
        }
        List<String> lines = new ArrayList<>();
        String head = "Saving HVM domain memory pages: iter %d   0%%  %d: sent %d, skipped %d, "
                .formatted(iteration.number(), iteration.number(), iteration.sent(), iteration.skipped());
        if (isLastNext) {
            lines.add(head + "Start last iteration for HVM domain");
            lines.add(statistics(iteration));
        } else {
            lines.add(head + statistics(iteration));
        }
        if (iteration.last()) {
            lines.add("Total pages sent= %d (%s)"
                    .formatted(total, String.format(Locale.ROOT, "%.2fx", (double) total / Math.max(1, frames))));
        }
        return lines;
    }

    private String statistics(Iteration iteration) {
        long wallMs = Math.max(1, iteration.wallMs());
        return "delta %dms, dom0 %d%%, target %d%%, sent %dMb/s, dirtied %dMb/s %d pages"
                .formatted(
                        wallMs,
                        100 * iteration.toolCpuMs() / wallMs,
                        100 * iteration.guestCpuMs() / wallMs,
                        iteration.sent() * PAGE_BYTES / (wallMs * BITS_MS_PER_MEGABIT),
                        dirtied * PAGE_BYTES / (wallMs * BITS_MS_PER_MEGABIT),
                        dirtied);
    }
}
