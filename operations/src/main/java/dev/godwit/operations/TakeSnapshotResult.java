package dev.godwit.operations;

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
 */
public record TakeSnapshotResult(Path file, SnapshotMode mode, Optional<Duration> guestPause, Duration total) {}
