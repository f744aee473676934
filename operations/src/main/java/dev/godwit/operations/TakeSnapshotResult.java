package dev.godwit.operations;

import dev.godwit.engine.migration.WriteFaultReport;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A snapshot that was taken and is whole.
 *
 * @param file its name
 * @param mode how it was taken
 * @param guestPause how long the guest stood still, by QEMU's own events; empty where it did not run before, or does
 *     not run after
 * @param total from the start to the synced file
 * @param writeFaults how much the guest was slowed down, where its machine is one of ours and the mode background
 */
public record TakeSnapshotResult(
        Path file,
        SnapshotMode mode,
        Optional<Duration> guestPause,
        Duration total,
        Optional<WriteFaultReport> writeFaults) {}
