package dev.godwit.qemu;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/**
 * The configuration section, qemu-migration specification section 1.2.
 *
 * @param machineType the versioned name, for example {@code pc-q35-10.0}
 * @param pageBits of the target page, where the source said so (never on x86)
 * @param capabilities the validated capabilities that are on ({@code mapped-ram}, {@code x-ignore-shared}), in order;
 *     empty where the subsection is missing
 * @param uuid of the machine, where the capability {@code validate-uuid} was on
 */
public record Configuration(String machineType, OptionalInt pageBits, List<String> capabilities, Optional<UUID> uuid) {

    /** The capability of a mapped-ram file. */
    public static final String MAPPED_RAM = "mapped-ram";

    /** The capability by which shared RAM is listed and not sent. */
    public static final String X_IGNORE_SHARED = "x-ignore-shared";

    /** Copies the list. */
    public Configuration {
        capabilities = List.copyOf(capabilities);
    }

    /** {@return the same with other capabilities} */
    public Configuration withCapabilities(List<String> other) {
        return new Configuration(machineType, pageBits, other, uuid);
    }
}
