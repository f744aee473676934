package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.vmstate.CapturedLayouts;
import dev.godwit.qemu.vmstate.CapturedLayouts.Layout;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.channels.Channels;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamReaderCapturesTest {

    @ParameterizedTest
    @MethodSource("wholeStreams")
    void a_capture_is_read_as_its_manifest_says_and_written_byte_for_byte(Layout layout) throws Exception {
        MemoryRam ram = new MemoryRam();
        RecordingVisitor visitor = new RecordingVisitor(ram);

        new StreamReader(input(layout.bytes()), options(layout), visitor).read();

        assertThat(comparable(visitor.lines())).isEqualTo(comparable(layout.lines()));
        assertThat(visitor.written()).isEqualTo(layout.bytes());
    }

    static Stream<Layout> wholeStreams() {
        return CapturedLayouts.layoutsWith("magic QEVM")
                .filter(layout -> !layout.file().startsWith("mapped-ram"))
                .filter(layout -> !layout.lines().contains("truncated"));
    }

    @ParameterizedTest
    @MethodSource("singleChannelCaptures")
    void the_ram_of_a_single_channel_capture_is_that_of_its_manifest(Layout layout) throws Exception {
        MemoryRam ram = new MemoryRam();

        new StreamReader(input(layout.bytes()), options(layout), new RecordingVisitor(ram)).read();

        assertThat(ram.hashes())
                .isEqualTo(CapturedLayouts.ramHashes(name(layout)))
                .isNotEmpty();
    }

    static Stream<Layout> singleChannelCaptures() {
        return wholeStreams().filter(layout -> !layout.file().matches("(multifd|postcopy-preempt).*"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"postcopy-preempt", "postcopy-preempt-72to10", "postcopy-preempt-10to72"})
    void a_preempt_channel_completes_the_ram_and_is_written_byte_for_byte(String capture) throws Exception {
        MemoryRam ram = new MemoryRam();
        byte[] preempt = CapturedLayouts.resource(capture + ".conn1.fwd.gz");

        new StreamReader(
                        input(CapturedLayouts.resource(capture + ".conn0.fwd.gz")),
                        StreamOptions.ENDS,
                        new RecordingVisitor(ram))
                .read();
        RecordingVisitor second = new RecordingVisitor(ram);
        PreemptReader.read(input(preempt), ram.layout(), second);

        assertThat(ram.hashes()).isEqualTo(CapturedLayouts.ramHashes(capture)).isNotEmpty();
        assertThat(second.written()).isEqualTo(preempt);
    }

    @ParameterizedTest
    @ValueSource(strings = {"postcopy-recover", "postcopy-preempt-recover"})
    void a_recovery_goes_on_where_the_cut_connection_ended(String capture) throws Exception {
        MemoryRam ram = new MemoryRam();
        RecordingVisitor first = new RecordingVisitor(ram);
        StreamReader cut = new StreamReader(
                input(CapturedLayouts.resource(capture + "-a.conn0.fwd.gz")), StreamOptions.ENDS, first);

        assertThatThrownBy(cut::read)
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("the end of the input");
        if (capture.contains("preempt")) {
            byte[] preempt = CapturedLayouts.resource(capture + "-a.conn1.fwd.gz");
            PreemptReader.read(input(preempt), ram.layout(), new RecordingVisitor(ram));
        }
        byte[] resumed = CapturedLayouts.resource(capture + "-b.conn0.fwd.gz");
        RecordingVisitor second = new RecordingVisitor(ram);
        cut.resumedOn(input(resumed), second).readResumed();

        assertThat(ram.hashes()).isEqualTo(CapturedLayouts.ramHashes(capture)).isNotEmpty();
        assertThat(second.written()).isEqualTo(resumed);
    }

    @ParameterizedTest
    @MethodSource("returnPaths")
    void a_return_path_is_read_as_its_manifest_says_and_written_byte_for_byte(Layout layout) throws Exception {
        ByteInput input = input(layout.bytes());
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(written));
        int messages = 0;

        while (!input.atEnd()) {
            assertThat(layout.lines().get(messages)).startsWith("%06x ".formatted(input.position()));
            ReturnPathMessages.write(output, ReturnPathMessages.read(input));
            messages++;
        }
        output.flush();

        assertThat(messages).isEqualTo(layout.lines().size());
        assertThat(written.toByteArray()).isEqualTo(layout.bytes());
    }

    static Stream<Layout> returnPaths() {
        return CapturedLayouts.layoutsWith("").filter(layout -> layout.file().endsWith(".rev.gz"));
    }

    private static ByteInput input(byte[] bytes) {
        return new ByteInput(Channels.newChannel(new ByteArrayInputStream(bytes)));
    }

    private static StreamOptions options(Layout layout) {
        return StreamOptions.ENDS.withHugePageBlocks(
                layout.file().startsWith("postcopy-hugepages") ? Set.of("m0") : Set.of());
    }

    private static String name(Layout layout) {
        return layout.file().replaceAll("\\.(mig|conn0\\.fwd)\\.gz$", "");
    }

    /** Leaves out what the manifest says beyond the elements: contents of subsections, commands and bitmap chunks. */
    private static List<String> comparable(List<String> lines) {
        return lines.stream()
                .filter(line -> !line.contains(" sub configuration") && !line.equals("eof"))
                .map(line -> line.replaceAll("(COMMAND (?!PACKAGED)\\S+).*", "$1")
                        .replaceAll("('dirty-bitmap').*", "$1")
                        .replaceAll(" trailing=0$", ""))
                .map(StreamReaderCapturesTest::recordsInOrder)
                .toList();
    }

    /** The manifest counts the records of a section in no particular order. */
    private static String recordsInOrder(String line) {
        Matcher records = Pattern.compile("(.*records=\\{)(.*)(\\}.*)").matcher(line);
        return records.matches()
                ? records.group(1)
                        + Stream.of(records.group(2).split(", ", -1)).sorted().toList()
                        + records.group(3)
                : line;
    }
}
