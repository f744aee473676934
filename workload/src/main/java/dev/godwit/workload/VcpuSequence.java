package dev.godwit.workload;

/**
 * Which of its own pages a vCPU writes at each step: a share of the steps goes to a hot subset, which stands first, the
 * rest to the others, both in the order of the pattern.
 */
final class VcpuSequence {

    /** More steps than any machine makes; keeps all that is computed from them within 64 bits. */
    static final long MAX_STEPS = 1L << 55;

    private final int hotWritePercentage;
    private final long hotPages;
    private final VisitOrder hot;
    private final VisitOrder cold;

    /** A sequence over {@code pages} pages, at least 1. */
    VcpuSequence(WorkloadLoad load, long pages, long key) {
        long wanted = pages * load.hotSetPercentage() / 100;
        boolean split = load.hotWritePercentage() > 0 && pages > 1;
        hotPages = split ? Math.clamp(wanted, 1, pages - 1) : 0;
        hotWritePercentage = split ? load.hotWritePercentage() : 0;
        cold = VisitOrder.of(load.pattern(), pages - hotPages, Mixing.mix(key, 1));
        hot = split ? VisitOrder.of(load.pattern(), hotPages, Mixing.mix(key, 2)) : cold;
    }

    /** {@return the page of a step, counted from 0} */
    long pageAt(long step) {
        return isHot(step) ? hot.memberAt(hotSteps(step)) : hotPages + cold.memberAt(step - hotSteps(step));
    }

    /** {@return how often the page of this step was written before it} */
    long earlierWrites(long step) {
        return isHot(step) ? hot.earlierVisits(hotSteps(step)) : cold.earlierVisits(step - hotSteps(step));
    }

    /** {@return how often a page is written in the first {@code steps} steps} */
    long writesOf(long page, long steps) {
        return page < hotPages
                ? hot.visitsOf(page, hotSteps(steps))
                : cold.visitsOf(page - hotPages, steps - hotSteps(steps));
    }

    private boolean isHot(long step) {
        return hotSteps(step + 1) > hotSteps(step);
    }

    /** How many of the first steps are hot; they are spread evenly. */
    private long hotSteps(long steps) {
        return steps * hotWritePercentage / 100;
    }
}
