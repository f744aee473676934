package dev.godwit.engine.precopy;

import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;

/**
 * How much the guest is slowed down because it dirties RAM faster than it can be sent (qemu-migration specification
 * section 8.4). Owned by the lap's thread.
 *
 * <pre>
 * a period counts if dirtied &gt; sent * throttle-trigger-threshold / 100; every second one that counts throttles:
 *   first  cpu-throttle-initial
 *   later  by cpu-throttle-increment more; with cpu-throttle-tailslow only as much as should do
 *   at most max-cpu-throttle
 * </pre>
 */
public final class AutoConverge {

    private boolean oneCounted;
    private int percentage;

    /** {@return the share of time for which each vCPU is to sleep, in percent; 0 for none} */
    public int percentage() {
        return percentage;
    }

    /**
     * A period has ended.
     *
     * @return whether the percentage has changed
     */
    public boolean periodEnded(long dirtiedBytes, long sentBytes, MigrationParameters parameters) {
        long thresholdBytes = sentBytes * parameters.number(MigrationParameter.THROTTLE_TRIGGER_THRESHOLD) / 100;
        if (dirtiedBytes <= thresholdBytes) {
            return false;
        }
        oneCounted = !oneCounted;
        if (oneCounted) {
            return false;
        }
        int before = percentage;
        percentage = next(dirtiedBytes, thresholdBytes, parameters);
        return percentage != before;
    }

    private int next(long dirtiedBytes, long thresholdBytes, MigrationParameters parameters) {
        if (percentage == 0) {
            return (int) parameters.number(MigrationParameter.CPU_THROTTLE_INITIAL);
        }
        long step = parameters.number(MigrationParameter.CPU_THROTTLE_INCREMENT);
        if (parameters.truth(MigrationParameter.CPU_THROTTLE_TAILSLOW)) {
            int now = 100 - percentage;
            long ideal = (long) (now * (double) thresholdBytes / dirtiedBytes);
            step = Math.min(now - ideal, step);
        }
        return (int) Math.min(percentage + step, parameters.number(MigrationParameter.MAX_CPU_THROTTLE));
    }
}
