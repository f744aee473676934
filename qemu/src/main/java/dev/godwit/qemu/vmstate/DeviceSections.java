package dev.godwit.qemu.vmstate;

import dev.godwit.qemu.Section;
import java.util.List;
import java.util.Optional;

/**
 * The end of a stream, split.
 *
 * @param sections the FULL sections in stream order
 * @param vmdescription the JSON that stood behind them, as it came; empty where the source sent none
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
public record DeviceSections(List<Section> sections, Optional<byte[]> vmdescription) {

    /** Copies the list. */
    public DeviceSections {
        sections = List.copyOf(sections);
    }
}
