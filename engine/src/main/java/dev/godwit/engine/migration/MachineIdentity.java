package dev.godwit.engine.migration;

import java.util.Optional;
import java.util.UUID;

/**
 * Which machine is controlled.
 *
 * @param type the machine type of its stream
 * @param name what its user calls it
 * @param uuid who the guest is
 */
public record MachineIdentity(String type, Optional<String> name, Optional<UUID> uuid) {}
