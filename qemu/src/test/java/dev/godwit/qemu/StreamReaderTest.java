package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class StreamReaderTest {

    private static RecordingVisitor read(byte[] stream) throws Exception {
        RecordingVisitor visitor = new RecordingVisitor(new MemoryRam());
        new StreamReader(StreamBytes.input(stream), StreamOptions.ENDS, visitor).read();
        return visitor;
    }

    @Test
    void a_stream_of_every_element_is_written_again_byte_for_byte() throws Exception {
        byte[] stream = StreamBytes.whole();

        RecordingVisitor visitor = read(stream);

        assertThat(visitor.written()).isEqualTo(stream);
        assertThat(visitor.sections()).extracting(Section::setup).containsExactly(true, false, false);
    }

    @Test
    void part_and_end_may_be_missing() throws Exception {
        byte[] stream = StreamBytes.started().tail().bytes();

        assertThat(read(stream).written()).isEqualTo(stream);
    }

    @Test
    void switchover_start_and_the_vmdescription_may_be_missing() throws Exception {
        byte[] stream = StreamBytes.started()
                .part(1)
                .eos(1)
                .end(1)
                .eos(1)
                .device(9)
                .u8(0)
                .bytes();

        assertThat(read(stream).written()).isEqualTo(stream);
    }

    @Test
    void a_stream_may_hold_nothing_but_its_configuration() throws Exception {
        byte[] stream = StreamBytes.headed().u8(0).bytes();

        assertThat(read(stream).written()).isEqualTo(stream);
    }

    @Test
    void an_early_device_may_hold_a_footer_of_its_own_id() throws Exception {
        byte[] stream = StreamBytes.started()
                .u8(4)
                .u32(9)
                .counted("dev")
                .u32(0)
                .u32(1)
                .footer(9)
                .u8(0x55)
                .footer(9)
                .part(1)
                .eos(1)
                .end(1)
                .eos(1)
                .u8(0)
                .bytes();

        RecordingVisitor visitor = read(stream);

        assertThat(visitor.written()).isEqualTo(stream);
        assertThat(visitor.sections()).singleElement().satisfies(section -> {
            assertThat(section.payload()).hasSize(6);
            assertThat(section.setup()).isTrue();
        });
    }

    @Test
    void hooks_flushes_and_empty_deltas_are_read() throws Exception {
        byte[] stream = StreamBytes.started()
                .part(1)
                .u64(RamFlags.MULTIFD_FLUSH)
                .u64(RamFlags.HOOK)
                .named(RamFlags.XBZRLE, 0, "low")
                .u8(1)
                .u16(0)
                .eos(1)
                .end(1)
                .eos(1)
                .tail()
                .bytes();

        assertThat(read(stream).written()).isEqualTo(stream);
    }

    @Test
    void twenty_thousand_empty_parts_are_nothing_special() throws Exception {
        StreamBytes stream = StreamBytes.started();
        for (int i = 0; i < 20_000; i++) {
            stream.part(1).eos(1);
        }

        RecordingVisitor visitor = read(stream.end(1).eos(1).tail().bytes());

        assertThat(visitor.lines()).contains("         (+19999 more identical PART)");
    }

    @Test
    void the_visitor_hears_what_is_good_before_it_fails() throws Exception {
        RecordingVisitor visitor = new RecordingVisitor(new MemoryRam());
        byte[] stream = StreamBytes.started().command(1).u8(0x44).bytes();
        StreamReader reader = new StreamReader(StreamBytes.input(stream), StreamOptions.ENDS, visitor);

        assertThatThrownBy(reader::read)
                .isInstanceOfSatisfying(
                        StreamFormatException.class,
                        e -> assertThat(e.positionBytes()).isEqualTo(stream.length - 1));
        assertThat(visitor.lines()).hasSize(4);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refused")
    void what_is_not_a_stream_is_refused_at_its_position(String what, byte[] stream, int back, String message) {
        assertThatThrownBy(() -> read(stream))
                .isInstanceOfSatisfying(
                        StreamFormatException.class,
                        e -> assertThat(e.positionBytes()).isEqualTo(stream.length - back))
                .hasMessageContaining(message);
    }

    static Stream<Arguments> refused() throws Exception {
        return Stream.of(inTheFrame(), inTheBlockList(), inRecords(), inCommands())
                .flatMap(List::stream);
    }

    private static Arguments refusal(String what, StreamBytes stream, int back, String message) throws Exception {
        return Arguments.of(what, stream.bytes(), back, message);
    }

    private static List<Arguments> inTheFrame() throws Exception {
        StreamBytes configured = StreamBytes.headed();
        return List.of(
                refusal("no magic", new StreamBytes().u32(0x11223344), 4, "QEVM"),
                refusal("version 2", new StreamBytes().u32(StreamHeader.MAGIC).u32(2), 4, "obsolete"),
                refusal("version 4", new StreamBytes().u32(StreamHeader.MAGIC).u32(4), 4, "version 4"),
                refusal(
                        "no configuration",
                        new StreamBytes().u32(StreamHeader.MAGIC).u32(3).u8(1),
                        1,
                        "the configuration section"),
                refusal(
                        "a long machine type",
                        new StreamBytes().u32(StreamHeader.MAGIC).u32(3).u8(7).u32(-1),
                        4,
                        "4294967295"),
                refusal(
                        "an unknown subsection",
                        configured.u8(5).counted("configuration/x").u32(1),
                        21,
                        "known"),
                refusal(
                        "an unknown capability",
                        StreamBytes.headed()
                                .u8(5)
                                .counted("configuration/capabilities")
                                .u32(1)
                                .u32(1)
                                .counted("x"),
                        2,
                        "a known capability"),
                refusal(
                        "pages of 8 KiB",
                        StreamBytes.headed()
                                .u8(5)
                                .counted("configuration/target-page-bits")
                                .u32(1)
                                .u32(13),
                        4,
                        "12 bits"),
                refusal(
                        "mapped-ram",
                        StreamBytes.headed()
                                .u8(5)
                                .counted("configuration/capabilities")
                                .u32(1)
                                .u32(1)
                                .counted("mapped-ram")
                                .u8(0),
                        1,
                        "mapped-ram"),
                refusal("an unknown section type", StreamBytes.headed().u8(0x09), 1, "byte 0x09"),
                refusal("a subsection at the top", StreamBytes.started().u8(5), 1, "SUBSECTION"),
                refusal("a footer at the top", StreamBytes.started().u8(0x7e), 1, "FOOTER"),
                refusal("an unknown iterable", StreamBytes.headed().start(3, "vfio", 1), 18, "vfio"),
                refusal("ram of version 5", StreamBytes.headed().start(3, "ram", 5), 17, "version 5"),
                refusal("an empty idstr", StreamBytes.headed().u8(1).u32(1).u8(0), 1, "an empty one"),
                refusal("ram twice", StreamBytes.started().start(3, "ram", 4), 17, "again"),
                refusal("a PART of an unknown id", StreamBytes.started().part(3), 5, "section 3"),
                refusal(
                        "a PART after END",
                        StreamBytes.started().end(1).eos(1).part(1),
                        5,
                        "between its START and END"),
                refusal("a wrong footer", StreamBytes.started().part(1).eos(2), 4, "that of section 2"),
                refusal(
                        "no footer",
                        StreamBytes.started().part(1).u64(RamFlags.EOS).u8(2),
                        1,
                        "footer"));
    }

    private static List<Arguments> inTheBlockList() throws Exception {
        return List.of(
                refusal("too much RAM", ram().u64(1L << 50 | RamFlags.MEM_SIZE), 8, "bytes of RAM"),
                refusal("a negative total", ram().u64(1L << 63 | RamFlags.MEM_SIZE), 8, "bytes of RAM"),
                refusal(
                        "a nameless block",
                        ram().u64(0x1000 | RamFlags.MEM_SIZE).u8(0),
                        1,
                        "an empty one"),
                refusal("half a page", list("a").u64(0x800), 8, "whole pages"),
                refusal("an empty block", list("a").u64(0), 8, "whole pages"),
                refusal("more than the total", list("a").u64(0x3000), 8, "the total leaves"),
                refusal("a name twice", list("a").u64(0x1000).counted("a").u64(0x1000), 10, "a again"),
                refusal("a second list", StreamBytes.started().part(1).u64(0x1000 | RamFlags.MEM_SIZE), 8, "another"),
                refusal("a name that is not UTF-8", ram().u64(0x1004).u8(1).u8(0xff), 1, "UTF-8"));
    }

    private static List<Arguments> inRecords() throws Exception {
        return List.of(
                refusal("a page before the list", ram().u64(RamFlags.PAGE), 8, "the block list"),
                refusal("an unknown block", part().named(RamFlags.PAGE, 0, "c"), 2, "a RAM block of the block list"),
                refusal("an offset past the block", part().named(RamFlags.PAGE, 0x4000, "low"), 12, "0x4000"),
                refusal("a negative offset", part().named(RamFlags.PAGE, 1L << 63, "low"), 12, "0x8000"),
                refusal(
                        "a continued offset past the block",
                        part().named(RamFlags.ZERO, 0, "high").u8(0).u64(0x2000 | RamFlags.ZERO | RamFlags.CONTINUE),
                        8,
                        "up to 0x1000"),
                refusal("CONTINUE first", part().u64(RamFlags.PAGE | RamFlags.CONTINUE), 8, "first record"),
                refusal("a fill byte", part().named(RamFlags.ZERO, 0, "low").u8(1), 1, "fill byte 0"),
                refusal("two kinds", part().u64(RamFlags.PAGE | RamFlags.ZERO), 8, "flags 0x00a"),
                refusal("bit 1", part().u64(1), 8, "flags 0x001"),
                refusal("a bit without meaning", part().u64(0x400), 8, "flags 0x400"),
                refusal("a continued EOS", part().u64(RamFlags.EOS | RamFlags.CONTINUE), 8, "flags 0x030"),
                refusal("EOS with an offset", part().u64(0x1000 | RamFlags.EOS), 8, "offset 0"),
                refusal(
                        "XBZRLE encoding 2",
                        part().named(RamFlags.XBZRLE, 0, "low").u8(2),
                        1,
                        "encoding 2"),
                refusal(
                        "a long delta",
                        part().named(RamFlags.XBZRLE, 0, "low").u8(1).u16(4097),
                        2,
                        "4097 bytes"),
                refusal(
                        "a long compressed page",
                        part().named(RamFlags.COMPRESS_PAGE, 0, "low").u32(4111),
                        4,
                        "4111"),
                refusal("an unknown bitmap flag", bitmap().u8(0x80), 1, "dirty-bitmap flags"),
                refusal("two kinds of bitmap chunk", bitmap().u8(0x30), 1, "one kind"),
                refusal("bits without end", bitmap().u8(0x40).u64(0).u32(8).u64(1L << 40), 8, "bits of at most"));
    }

    private static List<Arguments> inCommands() throws Exception {
        return List.of(
                refusal("command 0", StreamBytes.started().command(0), 4, "command 0"),
                refusal("command 12", StreamBytes.started().command(12), 4, "command 12"),
                refusal("PING of 8 bytes", StreamBytes.started().u8(8).u16(2).u16(8), 4, "command 2 of 8 bytes"),
                refusal(
                        "a discard of no range",
                        StreamBytes.started().u8(8).u16(6).u16(6),
                        4,
                        "command 6 of 6 bytes"),
                refusal(
                        "a discard of half a range",
                        StreamBytes.started().u8(8).u16(6).u16(30).u8(0).u8(3),
                        1,
                        "at least one range"),
                refusal("a huge blob", StreamBytes.started().command(7, 0x7f, 255, 255, 255), 4, "PACKAGED blob"),
                refusal("a negative blob", StreamBytes.started().command(7, 255, 255, 255, 255), 4, "4294967295"),
                refusal(
                        "huge pages of unknown blocks",
                        StreamBytes.headed()
                                .command(3, 0, 0, 0, 0, 0, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0)
                                .start(1, "ram", 4),
                        0,
                        "postcopy-ram on"),
                refusal("ADVISE twice", StreamBytes.headed().command(3).command(3), 0, "one POSTCOPY_ADVISE"));
    }

    private static StreamBytes ram() throws Exception {
        return StreamBytes.headed().start(1, "ram", 4);
    }

    private static StreamBytes list(String block) throws Exception {
        return ram().u64(0x2000 | RamFlags.MEM_SIZE).counted(block);
    }

    private static StreamBytes part() throws Exception {
        return StreamBytes.started().part(1);
    }

    private static StreamBytes bitmap() throws Exception {
        return StreamBytes.started().start(2, "dirty-bitmap", 1);
    }
}
