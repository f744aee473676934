package dev.godwit.qemu.mappedram;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionHeader;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.Sections;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What stands behind the pages, written by hand; files of a real QEMU are read in the snapshot room. */
class MappedRamTailTest {

    private static final int RAM = 1;
    private static final long EOS = 0x10;
    private static final MappedRamHead HEAD = head();
    private static final String JSON = """
            {"page_size": 4096, "devices": [\
            {"name": "one-early", "instance_id": 0, "vmsd_name": "e", "version": 1, "fields": [{"name": "v", "type": "u", "size": 4}]}, \
            {"name": "two-early", "instance_id": 0, "vmsd_name": "e", "version": 1, "fields": [{"name": "v", "type": "u", "size": 2}]}, \
            {"name": "dev", "instance_id": 0, "vmsd_name": "d", "version": 1, "fields": [{"name": "v", "type": "u", "size": 3}]}]}""";

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final ByteOutput output = new ByteOutput(Channels.newChannel(bytes));

    private static MappedRamHead head() {
        RamLayout ram = new RamLayout(List.of(new RamBlock("low", 4096)));
        return new MappedRamHead(
                new Configuration("pc", OptionalInt.empty(), List.of(Configuration.MAPPED_RAM), Optional.empty()),
                RAM,
                0,
                MappedRamLayout.plan(100, 0, ram));
    }

    /** A file of which only what stands behind the pages is there. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Tail(byte[] content) implements PositionedInput {
        @Override
        public long lengthBytes() {
            return HEAD.endBytes() + content.length;
        }

        @Override
        public long read(long positionBytes, MemorySegment target) {
            long from = positionBytes - HEAD.endBytes();
            long length = Math.max(0, Math.min(target.byteSize(), content.length - from));
            MemorySegment.copy(MemorySegment.ofArray(content), from, target, 0, length);
            return length;
        }
    }

    private static VmState read(byte[] tail) throws IOException {
        Tail file = new Tail(tail);
        return MappedRamTail.read(file, HEAD, file.lengthBytes());
    }

    private MappedRamTailTest ram(SectionType type) throws IOException {
        if (type != SectionType.START) {
            Sections.writeHeader(output, new SectionHeader(type, RAM, SectionHeader.RAM, 0, 4));
        }
        output.u64(EOS);
        Sections.writeFooter(output, RAM);
        return this;
    }

    private MappedRamTailTest section(SectionType type, int id, String idstr, int... payload) throws IOException {
        byte[] content = new byte[payload.length];
        for (int i = 0; i < payload.length; i++) {
            content[i] = (byte) payload[i];
        }
        Sections.write(output, new Section(type, id, idstr, 0, 1, content, false));
        return this;
    }

    private byte[] end() throws IOException {
        output.u8(SectionType.EOF.wireByte());
        output.u8(SectionType.VMDESCRIPTION.wireByte());
        output.u32(JSON.length());
        output.write(JSON.getBytes(StandardCharsets.UTF_8));
        return soFar();
    }

    private byte[] soFar() throws IOException {
        output.flush();
        return bytes.toByteArray();
    }

    private byte[] withEverything() throws IOException {
        ram(SectionType.START)
                .section(SectionType.START, 2, "dirty-bitmap", 0x1c, 1, 'd', 1, 'b', 0, 1, 0, 0, 1, 1)
                .section(SectionType.FULL, 3, "one-early", 1, 2, 3, 4)
                .section(SectionType.FULL, 4, "two-early", 5, 6)
                .ram(SectionType.PART)
                .ram(SectionType.PART)
                .section(SectionType.PART, 2, "dirty-bitmap", 1);
        output.u8(SectionType.COMMAND.wireByte());
        output.u32(11 << 16);
        return ram(SectionType.END)
                .section(SectionType.END, 2, "dirty-bitmap", 0x20, 1)
                .section(SectionType.FULL, 5, "dev", 7, 8, 9)
                .end();
    }

    private static void assertEverything(VmState state) {
        assertThat(state.sections())
                .extracting(section ->
                        section.type() + " " + section.name() + " " + section.payload().length + " " + section.setup())
                .containsExactly(
                        "START dirty-bitmap 11 true",
                        "FULL one-early 4 true",
                        "FULL two-early 2 true",
                        "PART dirty-bitmap 1 false",
                        "END dirty-bitmap 2 false",
                        "FULL dev 3 false");
        assertThat(state.sections().get(5).payload()).containsExactly(7, 8, 9);
        assertThat(state.vmdescription().orElseThrow())
                .asString(StandardCharsets.UTF_8)
                .isEqualTo(JSON);
    }

    @Test
    void dirty_bitmaps_and_several_early_devices_are_read() throws IOException {
        assertEverything(read(withEverything()));
    }

    @Test
    void bytes_behind_the_vmdescription_are_nobodys_business() throws IOException {
        byte[] whole = withEverything();
        byte[] longer = Arrays.copyOf(whole, whole.length + 100);
        Arrays.fill(longer, whole.length, longer.length, (byte) '}');
        assertEverything(read(longer));
        assertEverything(read(Arrays.copyOf(whole, whole.length + 1)));
    }

    @Test
    void what_looks_like_a_thousand_ends_is_refused_after_a_few() throws IOException {
        byte[] whole = withEverything();
        byte[] hostile = Arrays.copyOf(whole, 1 << 20);
        hostile[whole.length - 1] = ' ';
        for (int at = whole.length; at + 8 < hostile.length; at += 8) {
            System.arraycopy(new byte[] {0, 6, 0, 0, 0, 2, '{', '}'}, 0, hostile, at, 8);
        }
        assertThatThrownBy(() -> read(hostile)).isInstanceOf(StreamFormatException.class);
    }

    @Test
    void a_tail_cut_off_anywhere_but_before_its_vmdescription_is_refused() throws IOException {
        byte[] whole = withEverything();
        int vmdescription = whole.length - JSON.length() - 5;
        assertThat(read(Arrays.copyOf(whole, vmdescription)).vmdescription()).isEmpty();
        for (int length = 0; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length == vmdescription ? length - 1 : length);
            assertThatThrownBy(() -> read(cut)).as("cut to %d bytes", length).isInstanceOf(StreamFormatException.class);
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "a page record, 0x08, no page records",
        "a second block list, 0x1004, one block list",
        "EOS with an offset, 0x1010, offset 0",
    })
    void a_ram_section_holds_eos_alone(String name, String word, String expected) throws IOException {
        ram(SectionType.START);
        Sections.writeHeader(output, new SectionHeader(SectionType.PART, RAM, SectionHeader.RAM, 0, 4));
        output.u64(Long.decode(word));
        byte[] tail = soFar();
        assertThatThrownBy(() -> read(tail))
                .as(name)
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining(expected);
    }

    @Test
    void an_iterable_without_a_length_is_refused_by_name() throws IOException {
        byte[] tail = ram(SectionType.START)
                .section(SectionType.START, 2, "0000:00:02.0/vfio", 1, 2)
                .soFar();
        assertThatThrownBy(() -> read(tail))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("0000:00:02.0/vfio");
    }

    @ParameterizedTest
    @CsvSource({"4, POSTCOPY_LISTEN", "8, ENABLE_COLO"})
    void commands_of_another_kind_of_migration_are_refused_by_name(int command, String name) throws IOException {
        ram(SectionType.START);
        output.u8(SectionType.COMMAND.wireByte());
        output.u32(command << 16);
        byte[] tail = soFar();
        assertThatThrownBy(() -> read(tail))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining(name);
    }
}
