package dev.godwit.operations;

import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The RAM blocks of a QEMU, as its monitor's {@code info ramblock} shows them.
 *
 * @param rows by the block's id
 */
record RamBlockTable(Map<String, Row> rows) {

    private static final Pattern LINE = Pattern.compile(
            "^\\s*(\\S.*?)\\s+(\\d+) (B|KiB|MiB|GiB)\\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+)\\b.*");

    /**
     * One block.
     *
     * @param hostPageBytes the size of the host's pages under it
     * @param usedBytes how long it is
     * @param mostBytes how long it may become
     */
    record Row(long hostPageBytes, long usedBytes, long mostBytes) {

        boolean takes(RamBlock block) {
            return block.lengthBytes() == usedBytes || (usedBytes != mostBytes && block.lengthBytes() <= mostBytes);
        }
    }

    static RamBlockTable parse(String text) {
        Map<String, Row> rows = new LinkedHashMap<>();
        for (String line : text.lines().toList()) {
            Matcher matcher = LINE.matcher(line);
            if (matcher.matches()) {
                long unit = switch (matcher.group(3)) {
                    case "KiB" -> 1L << 10;
                    case "MiB" -> 1L << 20;
                    case "GiB" -> 1L << 30;
                    default -> 1;
                };
                rows.put(
                        matcher.group(1),
                        new Row(
                                Long.parseLong(matcher.group(2)) * unit,
                                Long.parseUnsignedLong(matcher.group(5), 16),
                                Long.parseUnsignedLong(matcher.group(6), 16)));
            }
        }
        return new RamBlockTable(rows);
    }

    /**
     * {@return the size of the host's pages under each block of a guest}
     *
     * @throws IOException if a block is missing here, or has another length; QEMU has heard nothing of it yet
     */
    List<Long> hostPagesUnder(RamLayout layout) throws IOException {
        List<Long> bytes = new ArrayList<>();
        for (RamBlock block : layout.blocks()) {
            Row row = rows.get(block.id());
            if (row == null) {
                throw new IOException("the snapshot has a RAM block '%s', which that QEMU has not; it has %s"
                        .formatted(block.id(), String.join(", ", rows.keySet())));
            }
            if (!row.takes(block)) {
                throw new IOException("RAM block '%s' has %d bytes in the snapshot and %d in that QEMU"
                        .formatted(block.id(), block.lengthBytes(), row.usedBytes()));
            }
            bytes.add(Math.max(Page.SIZE_BYTES, row.hostPageBytes()));
        }
        return bytes;
    }
}
