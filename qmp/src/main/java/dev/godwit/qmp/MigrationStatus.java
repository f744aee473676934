package dev.godwit.qmp;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * How QEMU's outgoing or incoming migration stands, as {@code query-migrate} tells it.
 *
 * @param status QEMU's word, or {@code none} where there has been no migration yet
 * @param errorDescription why it failed, in QEMU's words
 * @param ramTransferredBytes RAM sent so far
 * @param ramRemainingBytes RAM still to be sent, as QEMU reckons
 * @param ramTotalBytes RAM of the guest
 * @param downtimeMs how long the guest stood still; known when it is over
 * @param all everything that QEMU answered
 */
public record MigrationStatus(
        String status,
        Optional<String> errorDescription,
        OptionalLong ramTransferredBytes,
        OptionalLong ramRemainingBytes,
        OptionalLong ramTotalBytes,
        OptionalLong downtimeMs,
        JsonObject all) {

    private static final Set<String> UNDER_WAY = Set.of(
            "setup",
            "cancelling",
            "active",
            "postcopy-active",
            "postcopy-paused",
            "postcopy-recover-setup",
            "postcopy-recover",
            "colo",
            "pre-switchover",
            "device",
            "wait-unplug");

    /** {@return the status in an answer to {@code query-migrate}} */
    public static MigrationStatus of(JsonObject answer) {
        JsonObject ram = answer.object("ram").orElse(JsonObject.empty());
        return new MigrationStatus(
                answer.text("status").orElse("none"),
                answer.text("error-desc"),
                ram.wholeNumber("transferred"),
                ram.wholeNumber("remaining"),
                ram.wholeNumber("total"),
                answer.wholeNumber("downtime"),
                answer);
    }

    /** {@return what an event tells of it; empty where it tells of something else} */
    public static Optional<MigrationStatus> in(QmpEvent event) {
        return event.name().equals("MIGRATION") ? Optional.of(of(event.data())) : Optional.empty();
    }

    /** {@return whether it has come to its end, well} */
    public boolean isCompleted() {
        return status.equals("completed");
    }

    /** {@return whether it has come to its end, by an error or by being cancelled} */
    public boolean isFailed() {
        return status.equals("failed") || status.equals("cancelled");
    }

    /** {@return whether it has come to its end, either way} */
    public boolean isOver() {
        return isCompleted() || isFailed();
    }

    /** {@return whether it is still under way, paused or being cancelled included} */
    public boolean isUnderWay() {
        return UNDER_WAY.contains(status);
    }
}
