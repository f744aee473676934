package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Xen migration specification sections 2.7, 2.9 and 4.2, with its samples and Xen's own converter. */
class LegacyTest {

    @TempDir
    Path folder;

    static Stream<String> good() {
        return Fixtures.samples().keySet().stream()
                .filter(name -> name.startsWith("legacy")
                        && !name.contains("bad")
                        && !name.contains("xl.")
                        && !name.contains("oldqemu")
                        && !name.contains("remusqemu"));
    }

    private static WordSize words(String name) {
        return name.contains("64") ? WordSize.BITS_64 : WordSize.BITS_32;
    }

    private static byte[] rewritten(byte[] image, WordSize words) throws IOException {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        LegacyWriter writer = new LegacyWriter(new ImageOutput(Channels.newChannel(copy)), words);
        new LegacyReader(Fixtures.input(image), words, writer).read();
        return copy.toByteArray();
    }

    @ParameterizedTest
    @MethodSource("good")
    void a_good_sample_is_read_and_written_again_and_xen_s_converter_takes_it(String name) throws Exception {
        byte[] image = Fixtures.sample(name);
        byte[] copy = rewritten(image, words(name));
        assertThat(copy).isEqualTo(image);
        Path converted = folder.resolve("converted");
        String[] options = name.contains("noqemu") ? new String[] {"--skip-qemu"} : new String[0];
        int width = words(name).bytes() * 8;
        XenTools.Verdict verdict = XenTools.convert(folder, copy, converted, width, options);
        assertThat(verdict.status()).as(verdict.said()).isZero();
        verdict = XenTools.verify(folder, Files.readAllBytes(converted), "libxc");
        assertThat(verdict.status()).as(verdict.said()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "legacy64-bad-1025.img | batch .* at most 1024 frames, found 1025",
                "legacy32-bad-1025.img | batch .* at most 1024 frames, found 1025",
                "legacy64-bad-dup.img | batch .* each frame once",
                "legacy32-bad-dup.img | batch .* each frame once",
                "legacy64-bad-tmem.img | transcendent memory",
                "legacy32-bad-tmem.img | transcendent memory",
                "legacy64-bad-x87.img | -21: the x87 FIP width",
                "legacy32-bad-x87.img | -21: the x87 FIP width",
                "legacy64-bad-blob0.img | HVM context .* a context, found none",
                "legacy64-bad-xtabonly0.img | at least one frame",
                "legacy64-oldqemu.img | device model .*DeviceModelRecord0002",
                "legacy32-remusqemu.img | device model .*DeviceModelRecord0002",
                "legacy64-xl.img | a bare legacy stream",
                "seed07-64.img | ",
            })
    void what_xen_s_converter_refuses_is_refused_with_the_reason(String name, String reason) {
        assertThatThrownBy(() -> rewritten(Fixtures.sample(name), words(name)))
                .isInstanceOf(StreamFormatException.class)
                .message()
                .containsPattern(reason == null ? "" : reason);
    }

    @ParameterizedTest
    @ValueSource(strings = {"legacy64-full.img", "legacy32-full.img"})
    void a_stream_that_is_cut_off_before_its_device_model_is_refused(String name) {
        byte[] image = Fixtures.sample(name);
        for (int length = 0; length < image.length - 200; length += length < 300 ? 1 : 509) {
            byte[] cut = Arrays.copyOf(image, length);
            assertThatThrownBy(() -> rewritten(cut, words(name))).isInstanceOf(StreamFormatException.class);
        }
    }

    @ParameterizedTest
    @CsvSource({"64, live", "32, live", "64, debug", "64, nonlive"})
    void a_stream_of_2007_goes_through_xen_s_converter_and_comes_back_with_the_same_memory(int width, String kind)
            throws Exception {
        WordSize words = words(Integer.toString(width));
        byte[] stream = Fixtures.gold("seed07-" + width + "-" + kind + ".img");
        ByteArrayOutputStream bridged = new ByteArrayOutputStream();
        LegacyWriter writer = new LegacyWriter(new ImageOutput(Channels.newChannel(bridged)), words);
        new Hvm2007Reader(Fixtures.input(stream), words, new LegacyBridge(writer)).read();
        assertThat(rewritten(bridged.toByteArray(), words)).isEqualTo(bridged.toByteArray());

        Path converted = folder.resolve("converted");
        XenTools.Verdict verdict = XenTools.convert(folder, bridged.toByteArray(), converted, width, "--skip-qemu");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        byte[] image = Files.readAllBytes(converted);
        verdict = XenTools.verify(folder, image, "libxc");
        assertThat(verdict.status()).as(verdict.said()).isZero();

        Memory expected = new Memory(new ArrayList<>());
        new Hvm2007Reader(Fixtures.input(stream), words, new Hvm2007Restorer(expected, true)).read();
        byte[] frames = new byte[0x420 * Page.SIZE_BYTES];
        new SavedDomainReader(Fixtures.input(image), new Frames(MemorySegment.ofArray(frames))).read();
        assertThat(MemorySegment.ofArray(frames).mismatch(expected.all())).isEqualTo(-1);
    }

    /** Memory of a modern stream. */
    private record Frames(MemorySegment memory) implements SavedDomainVisitor {

        @Override
        public void header(ImageHeader header) {
            assertThat(List.of(header.xenMajor(), header.xenMinor()))
                    .as("the converter's")
                    .containsExactly(0L, 1L);
        }

        @Override
        public void record(StreamRecord record) {}

        @Override
        public void batch(long[] entries) {}

        @Override
        public void page(long entry, MemorySegment content) {
            MemorySegment.copy(content, 0, memory, PageEntry.frame(entry) * Page.SIZE_BYTES, Page.SIZE_BYTES);
        }
    }
}
