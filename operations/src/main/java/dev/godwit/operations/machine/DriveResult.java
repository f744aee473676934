package dev.godwit.operations.machine;

import dev.godwit.qmp.MigrationStatus;
import java.time.Duration;

/**
 * A migration that is complete: the guest is at the destination.
 *
 * @param last what the source said of it at its end
 * @param total as it was seen from here
 * @param destinationConfirmed whether the destination said so (return path); otherwise everything was sent, and no more
 *     is known
 */
public record DriveResult(MigrationStatus last, Duration total, boolean destinationConfirmed) {}
