package dev.godwit.operations;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A guest that its QEMU has taken: the destination said that everything is loaded.
 *
 * @param machineType of the guest
 * @param ramBytes how much RAM it has, zero pages included
 * @param runState what QEMU says of it ({@code running}, {@code paused}, …), where its control socket was given
 * @param total from the opening of the snapshot to the destination's word; a verification before it included
 * @param mappedBytes how much of the RAM was not sent, because it is a mapping of the snapshot
 * @param verifiedPages how many pages were held against their checksums before anything else; empty where that was not
 *     asked for: pages that are sent are then checked each on its way, and pages that are mapped by nobody
 */
public record RestoreResult(
        String machineType,
        long ramBytes,
        Optional<String> runState,
        Duration total,
        long mappedBytes,
        OptionalLong verifiedPages) {}
