package dev.godwit.cli;

import dev.godwit.ram.Page;
import dev.godwit.snapshot.FieldDifference;
import dev.godwit.snapshot.SnapshotDifference;
import dev.godwit.snapshot.SnapshotDifference.BlockDifference;
import dev.godwit.snapshot.SnapshotDifference.PageRange;
import dev.godwit.snapshot.SnapshotDifference.SectionDifference;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;

/** What differs between two snapshots, for people: {@code <} is the first, {@code >} the second. */
final class DifferenceText {

    private static final int MAX_VALUE_LENGTH = 60;

    private final PrintWriter out;

    DifferenceText(PrintWriter out) {
        this.out = out;
    }

    void print(SnapshotDifference difference, Map<String, List<FieldDifference>> fields) {
        if (difference.isEmpty()) {
            line("the same");
        }
        if (!difference.machineTypes().isEmpty()) {
            line("machine type: < " + difference.machineTypes().get(0) + "  > "
                    + difference.machineTypes().get(1));
        }
        difference.blocks().forEach(this::print);
        for (SectionDifference section : difference.sections()) {
            print(section, fields.getOrDefault(section.name(), List.of()));
        }
        out.flush();
    }

    private void print(BlockDifference block) {
        switch (block) {
            case BlockDifference.OnlyInFirst(String id) -> line("block " + id + ": only in the first");
            case BlockDifference.OnlyInSecond(String id) -> line("block " + id + ": only in the second");
            case BlockDifference.Content content -> print(content);
        }
    }

    private void print(BlockDifference.Content content) {
        line("block " + content.blockId() + ": " + content.differingPages()
                + (content.differingPages() == 1 ? " page differs (" : " pages differ (")
                + ByteSize.format(content.differingPages() * Page.SIZE_BYTES) + ")");
        if (content.firstLengthBytes() != content.secondLengthBytes()) {
            line("  length: < " + content.firstLengthBytes() + "  > " + content.secondLengthBytes());
        }
        long shownPages = 0;
        for (PageRange range : content.ranges()) {
            long pages = range.lengthBytes() / Page.SIZE_BYTES;
            shownPages += pages;
            line("  0x%x-0x%x, %d %s"
                    .formatted(
                            range.offsetBytes(),
                            range.offsetBytes() + range.lengthBytes() - 1,
                            pages,
                            pages == 1 ? "page" : "pages"));
        }
        if (shownPages < content.differingPages()) {
            line("  … and " + (content.differingPages() - shownPages) + " pages more (--max-ranges)");
        }
    }

    private void print(SectionDifference section, List<FieldDifference> fields) {
        switch (section) {
            case SectionDifference.OnlyInFirst only -> line("device " + only.name() + ": only in the first");
            case SectionDifference.OnlyInSecond only -> line("device " + only.name() + ": only in the second");
            case SectionDifference.Changed changed -> {
                line("device " + changed.name() + ":");
                if (changed.first().versionId() != changed.second().versionId()) {
                    line("  version: < "
                            + Integer.toUnsignedString(changed.first().versionId()) + "  > "
                            + Integer.toUnsignedString(changed.second().versionId()));
                }
                if (fields.isEmpty()) {
                    line("  content differs: < " + changed.first().payload().length + " bytes  > "
                            + changed.second().payload().length + " bytes");
                }
                for (FieldDifference field : fields) {
                    line("  " + field.path() + ": < " + shown(field.first().orElse("-")) + "  > "
                            + shown(field.second().orElse("-")));
                }
            }
        }
    }

    private static String shown(String value) {
        return value.length() > MAX_VALUE_LENGTH ? value.substring(0, MAX_VALUE_LENGTH) + "…" : value;
    }

    private void line(String text) {
        out.println(Printable.text(text));
    }
}
