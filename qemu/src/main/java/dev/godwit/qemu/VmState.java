package dev.godwit.qemu;

import java.util.List;
import java.util.Optional;

/**
 * Everything in a migration but the pages of RAM: what, with a {@link dev.godwit.engine.RamSource}, makes a guest.
 *
 * @param configuration machine type and validated capabilities
 * @param ramSectionId the id that the source gave the RAM section
 * @param sections every section that is not RAM, in stream order
 * @param vmdescription the JSON that describes the FULL sections, UTF-8, as it came; empty where the source sent none
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
public record VmState(
        Configuration configuration, int ramSectionId, List<Section> sections, Optional<byte[]> vmdescription) {

    /** Copies the list. */
    public VmState {
        sections = List.copyOf(sections);
    }
}
