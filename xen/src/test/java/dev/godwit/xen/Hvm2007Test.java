package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Xen migration specification sections 1, 2 and 6, with the streams that the program of 2007 itself wrote. */
class Hvm2007Test {

    private static byte[] rewritten(byte[] image, WordSize words) throws IOException {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        Hvm2007Writer writer = new Hvm2007Writer(new ImageOutput(Channels.newChannel(copy)), words);
        new Hvm2007Reader(Fixtures.input(image), words, writer).read();
        return copy.toByteArray();
    }

    @ParameterizedTest
    @CsvSource({"0xEFFE0, 0xEFFFF", "0xEFFE1, 0x100000", "0x400, 0x41F"})
    void the_space_of_frames_has_its_holes(long pages, long maxPfn) {
        assertThat(FrameSpace.of(pages, false).maxPfn()).isEqualTo(maxPfn);
        assertThat(FrameSpace.of(pages + 0x800, true).maxPfn()).isEqualTo(maxPfn);
    }

    @ParameterizedTest
    @ValueSource(strings = {"seed07-64.img", "seed07-64-verify.img", "seed07-32.img", "seed07-32-verify.img"})
    void samples_are_recognised_by_width_and_written_again_byte_for_byte(String name) throws Exception {
        byte[] image = Fixtures.sample(name);
        WordSize words = Hvm2007Reader.guessWords(Fixtures.input(image));
        assertThat(words).isEqualTo(name.contains("64") ? WordSize.BITS_64 : WordSize.BITS_32);
        assertThat(rewritten(image, words)).isEqualTo(image);
    }

    @Test
    void a_page_that_compares_unequal_is_counted_or_refused() throws Exception {
        byte[] image = Fixtures.sample("seed07-64-verify.img");
        image = image.clone();
        int lastBatch = lastPageOf(image);
        image[lastBatch] ^= 1;
        byte[] changed = image;
        Hvm2007Restorer counting = new Hvm2007Restorer(new Memory(new ArrayList<>()), false);
        new Hvm2007Reader(Fixtures.input(changed), WordSize.BITS_64, counting).read();
        assertThat(counting.mismatchedPages()).isEqualTo(1);
        assertThat(counting.firstMismatches()).hasSize(1);
        Hvm2007Restorer strict = new Hvm2007Restorer(new Memory(new ArrayList<>()), true);
        assertThatThrownBy(() -> new Hvm2007Reader(Fixtures.input(changed), WordSize.BITS_64, strict).read())
                .hasMessageContaining("is not what was sent before");
    }

    /** Where the last byte of the last page lies: before the terminator, the vCPUs and the context. */
    private static int lastPageOf(byte[] image) throws IOException {
        int[] tail = {4 + 4 + 4};
        new Hvm2007Reader(Fixtures.input(image), WordSize.BITS_64, new Memory(new ArrayList<>()) {
                    @Override
                    public void vcpu(MemorySegment context) {
                        tail[0] += 4 + 5168;
                    }

                    @Override
                    public void hvmContext(MemorySegment context) {
                        tail[0] += (int) context.byteSize();
                    }
                })
                .read();
        return image.length - tail[0] - 1;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "12 | 1025 | batch at byte 8 .* 1 to 1024 frames",
                "12 | -2 | batch at byte 8 .* found -2",
                "16 | 160 | entry 0: 0xa0",
                "16 | 1056 | frames up to 0x41f",
                "16 | 0x10000000 | type 0 or F",
            })
    void what_the_original_took_is_refused(int end, String value, String reason) {
        byte[] image = Fixtures.gold("seed07-64-nonlive.img");
        ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putInt(end == 12 ? 8 : 12, Integer.decode(value));
        assertThatThrownBy(() -> rewritten(image, WordSize.BITS_64))
                .isInstanceOf(StreamFormatException.class)
                .message()
                .containsPattern(reason);
    }

    @Test
    void a_stream_that_is_cut_off_anywhere_is_refused_and_a_wrong_width_too() {
        byte[] image = Fixtures.sample("seed07-32-verify.img");
        for (int length = 0; length < image.length; length += length < 300 || length > image.length - 300 ? 1 : 509) {
            byte[] cut = Arrays.copyOf(image, length);
            assertThatThrownBy(() -> rewritten(cut, WordSize.BITS_32)).isInstanceOf(StreamFormatException.class);
        }
        assertThatThrownBy(() -> rewritten(image, WordSize.BITS_64)).isInstanceOf(StreamFormatException.class);
    }
}
