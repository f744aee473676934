package dev.godwit.qemu.mappedram;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Configuration;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MappedRamReaderTest {

    private static final Configuration CONFIGURATION = new Configuration(
            "pc-i440fx-10.0", OptionalInt.empty(), List.of(Configuration.MAPPED_RAM), Optional.empty());
    private static final RamLayout RAM =
            new RamLayout(List.of(new RamBlock("pc.ram", 70 * 4096), new RamBlock("pc.bios", 4096)));

    private byte[] file;
    private MappedRamLayout layout;

    /** A file in memory. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Bytes(byte[] content) implements PositionedInput {
        @Override
        public long lengthBytes() {
            return content.length;
        }

        @Override
        public long read(long positionBytes, MemorySegment target) {
            long length = Math.max(0, Math.min(target.byteSize(), content.length - positionBytes));
            MemorySegment.copy(MemorySegment.ofArray(content), positionBytes, target, 0, length);
            return length;
        }
    }

    @BeforeEach
    void write_a_file() throws IOException {
        byte[] opening = MappedRamHead.opening(CONFIGURATION, 1, RAM.totalBytes());
        layout = MappedRamLayout.plan(opening.length, 0, RAM);
        file = Arrays.copyOf(opening, (int) layout.endBytes());
        for (MappedRamBlock block : layout.blocks()) {
            byte[] entry = block.entry();
            System.arraycopy(entry, 0, file, (int) block.entryOffsetBytes(), entry.length);
        }
    }

    @Test
    void a_head_reads_as_it_was_written() throws IOException {
        MappedRamHead head = MappedRamReader.readHead(new Bytes(file), 0);
        assertThat(head).isEqualTo(new MappedRamHead(CONFIGURATION, 1, 0, layout));
        assertThat(head.layout().ram().blocks()).isEqualTo(RAM.blocks());
    }

    @Test
    void the_announcement_of_dirty_bitmaps_may_stand_before_ram_and_no_other_command() throws IOException {
        byte[] opening = MappedRamHead.opening(CONFIGURATION, 1, RAM.totalBytes());
        int start = opening.length - 8 - 1 - 4 - 4 - 8;
        byte[] moved = new byte[file.length];
        System.arraycopy(file, 0, moved, 0, start);
        ByteBuffer.wrap(moved).put(start, new byte[] {8, 0, 3, 0, 0});
        System.arraycopy(file, start, moved, start + 5, opening.length - start);
        MappedRamLayout shifted = MappedRamLayout.plan(opening.length + 5, 0, RAM);
        for (MappedRamBlock block : shifted.blocks()) {
            byte[] entry = block.entry();
            System.arraycopy(entry, 0, moved, (int) block.entryOffsetBytes(), entry.length);
        }
        assertThat(MappedRamReader.readHead(new Bytes(moved), 0))
                .isEqualTo(new MappedRamHead(CONFIGURATION, 1, 0, shifted));
        moved[start + 2] = 5;
        assertThatThrownBy(() -> MappedRamReader.readHead(new Bytes(moved), 0))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("POSTCOPY_RUN");
    }

    @Test
    void blocks_lie_where_qemu_puts_them() {
        // the specification's example: 64 MiB of pc.ram, entry at 0x63
        MappedRamLayout plan =
                MappedRamLayout.plan(0x63, 0, new RamLayout(List.of(new RamBlock("pc.ram", 64 << 20), RAM.block(1))));
        assertThat(plan.blocks().get(0).header()).isEqualTo(new MappedRamHeader(0x8e, 0x100000));
        assertThat(plan.blocks().get(1).entryOffsetBytes()).isEqualTo(0x4100000);
        assertThat(plan.blocks().get(1).header().pagesOffsetBytes()).isEqualTo(0x4200000);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "version, 0, 4, 2, mapped-ram header of version 1",
        "page size, 4, 8, 8192, target pages of 4096 bytes",
        "bitmap beyond the file, 12, 8, 9000000, a bitmap of 16 bytes between",
        "bitmap at a place before 0, 12, 8, -1, a bitmap of 16 bytes between",
        "bitmap over the header, 12, 8, 40, a bitmap of 16 bytes between",
        "pages beyond the file, 20, 8, 2097152, between the bitmap's end",
        "pages far beyond, 20, 8, 9223372036854771712, between the bitmap's end",
        "pages over the head, 20, 8, 0, between the bitmap's end",
        "pages unaligned, 20, 8, 1048577, pages at a multiple of 4096"
    })
    void a_header_that_lies_is_refused(String name, int offset, int width, long value, String expected) {
        MappedRamBlock block = layout.blocks().getFirst();
        int at = (int) block.entryOffsetBytes() + block.entryLengthBytes() - MappedRamHeader.LENGTH_BYTES + offset;
        if (width == 4) {
            ByteBuffer.wrap(file).putInt(at, (int) value);
        } else {
            ByteBuffer.wrap(file).putLong(at, value);
        }
        assertThatThrownBy(() -> MappedRamReader.readHead(new Bytes(file), 0))
                .as(name)
                .isInstanceOfSatisfying(
                        StreamFormatException.class,
                        e -> assertThat(e.positionBytes()).isEqualTo(at))
                .hasMessageContaining(expected)
                .hasMessageContaining("pc.ram");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -4096, 4095, 71 * 4096, 1L << 60})
    void a_block_of_an_absurd_length_is_refused(long lengthBytes) {
        int at = (int) layout.blocks().getFirst().entryOffsetBytes() + 7;
        ByteBuffer.wrap(file).putLong(at, lengthBytes);
        ByteBuffer.wrap(file).putLong(at - 15, lengthBytes < 4096 ? 71 * 4096 | 4 : 71 * 4096 - 4096 | 4);
        assertThatThrownBy(() -> MappedRamReader.readHead(new Bytes(file), 0))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("a length of whole pages");
    }

    @Test
    void two_blocks_of_one_name_are_refused() {
        MappedRamBlock second = layout.blocks().get(1);
        byte[] entry =
                new MappedRamBlock(new RamBlock("pc.ram", 4096), second.entryOffsetBytes(), second.header()).entry();
        System.arraycopy(entry, 0, file, (int) second.entryOffsetBytes(), entry.length);
        assertThatThrownBy(() -> MappedRamReader.readHead(new Bytes(file), 0))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("id once");
    }

    @Test
    void pages_of_a_block_cannot_lie_in_those_of_another() {
        MappedRamBlock second = layout.blocks().get(1);
        int at = (int) second.entryOffsetBytes() + second.entryLengthBytes() - 8;
        ByteBuffer.wrap(file).putLong(at, layout.blocks().get(0).header().pagesOffsetBytes());
        assertThatThrownBy(() -> MappedRamReader.readHead(new Bytes(file), 0))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("pc.bios")
                .hasMessageContaining("between the bitmap's end");
    }

    @Test
    void bits_past_the_last_page_are_refused() throws IOException {
        MappedRamBlock block = layout.blocks().getFirst();
        int bitmap = (int) block.header().bitmapOffsetBytes();
        file[bitmap] = 5;
        assertThat(MappedRamReader.readBitmap(new Bytes(file), block).setPages())
                .isEqualTo(2);
        file[bitmap + 8] = 0x40;
        assertThatThrownBy(() -> MappedRamReader.readBitmap(new Bytes(file), block))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("clear bits past the last page");
    }

    @Test
    void a_head_cut_off_at_any_byte_is_refused() {
        for (int length = 0; length < file.length; length += length < 300 ? 1 : 50_021) {
            byte[] cut = Arrays.copyOf(file, length);
            assertThatThrownBy(() -> MappedRamReader.readHead(new Bytes(cut), 0))
                    .as("cut to %d bytes", length)
                    .isInstanceOf(StreamFormatException.class);
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void a_head_with_wrong_bytes_reads_or_is_refused_and_nothing_else(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        MappedRamBlock second = layout.blocks().get(1);
        for (int round = 0; round < 2000; round++) {
            byte[] wrong = file.clone();
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                int base = random.nextInt(3) == 0 ? (int) second.entryOffsetBytes() : 0;
                wrong[base + random.nextInt(160)] = (byte) (random.nextBoolean() ? random.nextInt() : 0xff);
            }
            try {
                MappedRamHead head = MappedRamReader.readHead(new Bytes(wrong), 0);
                for (MappedRamBlock block : head.layout().blocks()) {
                    MappedRamReader.readBitmap(new Bytes(wrong), block);
                }
                MappedRamTail.read(new Bytes(wrong), head, wrong.length);
            } catch (StreamFormatException e) {
                assertThat(e.positionBytes()).isNotNegative();
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("bytes of RAM");
            }
        }
    }
}
