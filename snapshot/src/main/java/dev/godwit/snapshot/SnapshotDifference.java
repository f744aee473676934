package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What distinguishes two guests: RAM by blocks and pages, state by sections.
 *
 * @param machineTypes the two machine types where they differ, otherwise empty
 * @param blocks the blocks that differ, in the first guest's order, then those that only the second has
 * @param sections the sections that differ, likewise
 */
public record SnapshotDifference(
        List<String> machineTypes, List<BlockDifference> blocks, List<SectionDifference> sections) {

    /** Copies the lists. */
    public SnapshotDifference {
        machineTypes = List.copyOf(machineTypes);
        blocks = List.copyOf(blocks);
        sections = List.copyOf(sections);
    }

    /** {@return whether nothing differs} */
    public boolean isEmpty() {
        return machineTypes.isEmpty() && blocks.isEmpty() && sections.isEmpty();
    }

    /**
     * Consecutive pages that differ.
     *
     * @param offsetBytes where the first of them lies in the block
     * @param lengthBytes how long they are together
     */
    public record PageRange(long offsetBytes, long lengthBytes) {}

    /** A RAM block that is not the same in both guests. */
    public sealed interface BlockDifference {

        /** {@return the block's id} */
        String blockId();

        /** The block is missing in the second guest. */
        record OnlyInFirst(String blockId) implements BlockDifference {}

        /** The block is missing in the first guest. */
        record OnlyInSecond(String blockId) implements BlockDifference {}

        /**
         * Content or length differs. Pages are compared as far as both go.
         *
         * @param firstLengthBytes how long the block is in the first guest
         * @param secondLengthBytes how long it is in the second
         * @param differingPages how many pages differ
         * @param ranges where the first of them lie
         */
        record Content(
                String blockId,
                long firstLengthBytes,
                long secondLengthBytes,
                long differingPages,
                List<PageRange> ranges)
                implements BlockDifference {
            /** Copies the list. */
            public Content {
                ranges = List.copyOf(ranges);
            }
        }
    }

    /** A section that is not the same in both guests. */
    public sealed interface SectionDifference {

        /** {@return the name of the device or iterable} */
        String name();

        /** The section is missing in the second guest. */
        record OnlyInFirst(String name, Section first) implements SectionDifference {}

        /** The section is missing in the first guest. */
        record OnlyInSecond(String name, Section second) implements SectionDifference {}

        /** Version or payload differs. */
        record Changed(String name, Section first, Section second) implements SectionDifference {}
    }

    /**
     * Compares two guests.
     *
     * @param maxRanges how many ranges of pages are kept for a block; all pages are counted
     * @param progress hears how much of the RAM was compared
     * @throws IOException if pages cannot be read
     */
    public static SnapshotDifference between(
            RamSource firstRam,
            VmState firstState,
            RamSource secondRam,
            VmState secondState,
            int maxRanges,
            Progress progress)
            throws IOException {
        String firstType = firstState.configuration().machineType();
        String secondType = secondState.configuration().machineType();
        return new SnapshotDifference(
                firstType.equals(secondType) ? List.of() : List.of(firstType, secondType),
                blocks(firstRam, secondRam, maxRanges, progress),
                sections(firstState.sections(), secondState.sections()));
    }

    private static List<BlockDifference> blocks(RamSource first, RamSource second, int maxRanges, Progress progress)
            throws IOException {
        progress.phase("comparing RAM", first.layout().totalBytes());
        List<BlockDifference> differences = new ArrayList<>();
        for (int index = 0; index < first.layout().blocks().size(); index++) {
            RamBlock block = first.layout().block(index);
            int other = second.layout().indexOf(block.id());
            if (other < 0) {
                differences.add(new BlockDifference.OnlyInFirst(block.id()));
                continue;
            }
            BlockDifference.Content content =
                    new BlockComparison(first, index, second, other, maxRanges).compare(progress);
            if (content.differingPages() > 0 || content.firstLengthBytes() != content.secondLengthBytes()) {
                differences.add(content);
            }
        }
        for (RamBlock block : second.layout().blocks()) {
            if (first.layout().indexOf(block.id()) < 0) {
                differences.add(new BlockDifference.OnlyInSecond(block.id()));
            }
        }
        return differences;
    }

    private static List<SectionDifference> sections(List<Section> first, List<Section> second) {
        Map<String, Section> others = byName(second);
        List<SectionDifference> differences = new ArrayList<>();
        for (Map.Entry<String, Section> entry : byName(first).entrySet()) {
            Section section = entry.getValue();
            Section other = others.remove(entry.getKey());
            if (other == null) {
                differences.add(new SectionDifference.OnlyInFirst(entry.getKey(), section));
            } else if (section.versionId() != other.versionId() || !Arrays.equals(section.payload(), other.payload())) {
                differences.add(new SectionDifference.Changed(entry.getKey(), section, other));
            }
        }
        others.forEach((name, section) -> differences.add(new SectionDifference.OnlyInSecond(name, section)));
        return differences;
    }

    /** Sections by device name; those of iterables, which come more than once, with type and number. */
    private static Map<String, Section> byName(List<Section> sections) {
        Map<String, Section> byName = new LinkedHashMap<>();
        for (Section section : sections) {
            String name = section.type() == SectionType.FULL ? section.name() : section.name() + " " + section.type();
            String unique = name;
            for (int number = 2; byName.containsKey(unique); number++) {
                unique = name + " (" + number + ")";
            }
            byName.put(unique, section);
        }
        return byName;
    }
}
