package dev.godwit.fuzz;

import dev.godwit.engine.PageLane;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.zip.CRC32C;

/** A small snapshot as Godwit writes it, damaged as an input says, with checksums made right again if it says so. */
final class SampleSnapshot {

    private static final long START_MAGIC = 0x89_47_4f_44_57_49_54_0aL;
    private static final int START_BYTES = 16;
    private static final int HEADER_BYTES = 24;
    private static final int FOOTER_BYTES = 80;
    private static final int HEAD_BYTES = 4096;

    private final byte[] whole;
    private final int trailerAt;

    SampleSnapshot() throws IOException {
        Path file = TemporaryFile.create("sample");
        try (SnapshotWriter writer = SnapshotWriter.create(file, SnapshotOptions.DEFAULT)) {
            writer.begin(new RamLayout(
                    List.of(new RamBlock("pc.ram", 16 * Page.SIZE_BYTES), new RamBlock("vga", 2 * Page.SIZE_BYTES))));
            PageLane lane = writer.lane();
            byte[] page = new byte[Page.SIZE_BYTES];
            Arrays.fill(page, (byte) 0x5a);
            lane.pages(0, 0, MemorySegment.ofArray(page));
            lane.pages(0, 5L * Page.SIZE_BYTES, MemorySegment.ofArray(page));
            lane.zeroPages(1, 0, Page.SIZE_BYTES);
            writer.commit(state(), new CreationFacts(Instant.EPOCH, "0", "10.0", "fuzz", "nowhere"));
        }
        whole = Files.readAllBytes(file);
        Files.delete(file);
        trailerAt = find(START_MAGIC);
    }

    private static VmState state() {
        byte[] payload = ByteBuffer.allocate(8).putLong(0x0102030405060708L).array();
        String json =
                "{\"devices\": [{\"name\": \"timer\", \"instance_id\": 0, \"vmsd_name\": \"timer\", \"version\": 2,"
                        + " \"fields\": [{\"name\": \"ticks\", \"type\": \"int64\", \"size\": 8}]}]}";
        return new VmState(
                new Configuration("pc-i440fx-10.0", OptionalInt.empty(), List.of(), Optional.empty()),
                2,
                List.of(new Section(SectionType.FULL, 0, "timer", 0, 2, payload, false)),
                Optional.of(json.getBytes(StandardCharsets.UTF_8)));
    }

    /**
     * {@return the file as the input damages it}
     *
     * <pre>
     * u8 1: checksums are made right again
     * again and again   u8 0: from the start, else from the trailer on; u16 how far; u8 n, n bytes to put there
     * </pre>
     */
    byte[] damaged(byte[] input) {
        byte[] file = whole.clone();
        ByteBuffer orders = ByteBuffer.wrap(input);
        boolean refit = orders.hasRemaining() && (orders.get() & 1) != 0;
        while (orders.remaining() >= 4) {
            int base = orders.get() == 0 ? 0 : trailerAt - 256;
            int far = orders.getShort() & 0xffff;
            int at = base + (base == 0 ? far % HEAD_BYTES : far % (file.length - base));
            int length = Math.min(Math.min(orders.get() & 0xff, orders.remaining()), file.length - at);
            orders.get(file, at, length);
        }
        if (refit) {
            refit(file);
        }
        return file;
    }

    private void refit(byte[] file) {
        ByteBuffer bytes = ByteBuffer.wrap(file);
        int footer = file.length - FOOTER_BYTES;
        crc(bytes, trailerAt, 12, trailerAt + 12);
        int at = trailerAt + START_BYTES;
        while (at <= footer - HEADER_BYTES) {
            long length = bytes.getLong(at + 8);
            if (length >= 0 && length <= footer - at - HEADER_BYTES) {
                crc(bytes, at + HEADER_BYTES, (int) length, at + 16);
            }
            crc(bytes, at, 20, at + 20);
            if (length < 0 || length > footer - at - HEADER_BYTES) {
                break;
            }
            at += HEADER_BYTES + (int) length;
        }
        crc(bytes, footer, 68, footer + 68);
    }

    private static void crc(ByteBuffer bytes, int from, int lengthBytes, int to) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(from, lengthBytes));
        bytes.putInt(to, (int) crc.getValue());
    }

    private int find(long magic) {
        ByteBuffer bytes = ByteBuffer.wrap(whole);
        for (int at = 0; at < whole.length - 8; at++) {
            if (bytes.getLong(at) == magic) {
                return at;
            }
        }
        throw new AssertionError("a snapshot without a trailer");
    }
}
