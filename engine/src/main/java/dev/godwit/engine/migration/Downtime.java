package dev.godwit.engine.migration;

import java.util.concurrent.TimeUnit;

/**
 * How long the guest stood still, and for what, in nanoseconds: from the moment that it was told to stop until the
 * destination said that it runs there, or, without a return path, until the last byte was written.
 *
 * @param stoppingNs until every vCPU stood still
 * @param waitingNs in {@code pre-switchover}
 * @param ramNs saving the devices, reading the dirty log, and sending the last pages
 * @param devicesNs sending the devices and the end of the stream
 * @param answerNs waiting for the destination's word
 */
public record Downtime(long stoppingNs, long waitingNs, long ramNs, long devicesNs, long answerNs) {

    /**
     * {@return the same of a guest whose destination said so long after the last byte that it runs}
     *
     * @param ns less than 0 where the word was here before the sender had seen its last byte go: the guest stood still
     *     so much shorter
     */
    public Downtime answeredAfter(long ns) {
        return new Downtime(stoppingNs, waitingNs, ramNs, Math.max(0, devicesNs + Math.min(0, ns)), Math.max(0, ns));
    }

    /** {@return all of it} */
    public long totalNs() {
        return stoppingNs + waitingNs + ramNs + devicesNs + answerNs;
    }

    /** {@return all of it, in milliseconds, as {@code query-migrate} has it} */
    public long totalMs() {
        return TimeUnit.NANOSECONDS.toMillis(totalNs());
    }
}
