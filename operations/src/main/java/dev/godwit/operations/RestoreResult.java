package dev.godwit.operations;

import java.time.Duration;
import java.util.Optional;

/**
 * A guest that its QEMU has taken: the destination said that everything is loaded.
 *
 * @param machineType of the guest
 * @param ramBytes how much RAM it has, zero pages included
 * @param runState what QEMU says of it ({@code running}, {@code paused}, …), where its control socket was given
 * @param total from the opening of the snapshot to the destination's word
 */
public record RestoreResult(String machineType, long ramBytes, Optional<String> runState, Duration total) {}
