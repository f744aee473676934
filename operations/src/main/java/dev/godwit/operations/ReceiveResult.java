package dev.godwit.operations;

import java.nio.file.Path;
import java.time.Duration;

/**
 * A migration that was received and is whole and synced in its file.
 *
 * @param file the snapshot
 * @param machineType of the guest
 * @param sourceTold whether the source was told of the success; false where it opened no return path, and then it took
 *     the migration for complete when it had sent the last byte
 * @param total from the first connection to the synced file
 */
public record ReceiveResult(Path file, String machineType, boolean sourceTold, Duration total) {}
