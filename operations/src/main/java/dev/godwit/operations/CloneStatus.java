package dev.godwit.operations;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.postcopy.LatencyStep;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.qmp.QmpAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How a clone stands.
 *
 * @param destination its QEMU's control socket
 * @param state how far it is
 * @param residency how much is pushed to it
 * @param untilRun when its guest began to run; empty before, and where it ran already
 * @param untilComplete when it had all its RAM; empty before
 * @param pages what it asked for and was pushed
 * @param latencies from request to page, in steps
 * @param failure why it failed, and where its guest is; empty otherwise
 */
public record CloneStatus(
        QmpAddress destination,
        State state,
        Residency residency,
        Optional<Duration> untilRun,
        Optional<Duration> untilComplete,
        PostcopyCounters.Totals pages,
        List<LatencyStep> latencies,
        Optional<Failure> failure) {

    /** How far a clone is. */
    public enum State {
        /** Its guest does not run yet. */
        STARTING("starting"),
        /** Its guest runs, and not all of its RAM is there. */
        RUNNING("running"),
        /** All of its RAM is there. */
        COMPLETE("complete"),
        /** Its guest ran, and its QEMU has ended before all of its RAM was there, nor was to be. */
        ENDED("ended"),
        /** It could not be brought up, or is not whole. */
        FAILED("failed");

        private final String word;

        State(String word) {
            this.word = word;
        }

        /** {@return the word for it} */
        public String word() {
            return word;
        }

        /** {@return whether nothing more happens to it} */
        public boolean isOver() {
            return this == COMPLETE || this == ENDED || this == FAILED;
        }
    }

    /**
     * Why a clone failed.
     *
     * @param message for people
     * @param location where its guest is
     */
    public record Failure(String message, GuestLocation location) {}

    /** Copies the steps. */
    public CloneStatus {
        latencies = List.copyOf(latencies);
    }
}
