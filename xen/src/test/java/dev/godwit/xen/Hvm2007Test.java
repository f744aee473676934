package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Xen migration specification sections 1, 2 and 6, with the streams that the program of 2007 itself wrote. */
class Hvm2007Test {

    private static final byte[] HVM_CONTEXT =
            HexFormat.of().parseHex("01000000180000008612385401000000000000000000000000000000000000000000000000000000");

    private final List<SaveRound> rounds = new ArrayList<>();

    private byte[] save(ScriptedDomain domain, Hvm2007Settings settings) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Hvm2007Writer writer = new Hvm2007Writer(new ImageOutput(Channels.newChannel(bytes)), settings.words());
        new Hvm2007Saver(domain, settings, writer, rounds::add).save();
        return bytes.toByteArray();
    }

    private static ScriptedDomain domain(long pages, boolean framebufferApart, WordSize words, String scenario) {
        FrameSpace space = FrameSpace.of(pages, framebufferApart);
        return new ScriptedDomain(pages, space, words, HVM_CONTEXT, scenario);
    }

    private static String scenario(String name) {
        return new String(Fixtures.gold(name), StandardCharsets.UTF_8);
    }

    private static Hvm2007Settings settings(WordSize words, boolean live, boolean debug, boolean strict2007) {
        return new Hvm2007Settings(words, live, debug, !live, 0, 0, strict2007);
    }

    private static byte[] rewritten(byte[] image, WordSize words) throws IOException {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        Hvm2007Writer writer = new Hvm2007Writer(new ImageOutput(Channels.newChannel(copy)), words);
        new Hvm2007Reader(Fixtures.input(image), words, writer).read();
        return copy.toByteArray();
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64", "BITS_32, 32"})
    void a_suspended_domain_is_saved_byte_for_byte(WordSize words, String width) throws Exception {
        byte[] stream = save(domain(0x400, false, words, ""), settings(words, false, false, true));
        assertThat(stream).isEqualTo(Fixtures.gold("seed07-" + width + "-nonlive.img"));
        assertThat(rounds).containsExactly(new SaveRound(1, 1021, 0, 1021, true));
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64", "BITS_32, 32"})
    void frames_that_cannot_be_mapped_go_without_content(WordSize words, String width) throws Exception {
        ScriptedDomain domain = domain(0x400, false, words, "");
        domain.unmappable.addAll(Set.of(0x10L, 0x11L, 0x3FL));
        byte[] stream = save(domain, settings(words, false, false, true));
        assertThat(stream).isEqualTo(Fixtures.gold("seed07-" + width + "-unmapped.img"));
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64, false", "BITS_32, 32, false", "BITS_64, 64, true", "BITS_32, 32, true"})
    void a_running_domain_is_saved_byte_for_byte(WordSize words, String width, boolean debug) throws Exception {
        ScriptedDomain domain = domain(0xC00, true, words, scenario("s1.txt"));
        byte[] stream = save(domain, settings(words, true, debug, true));
        assertThat(stream).isEqualTo(Fixtures.gold("seed07-" + width + (debug ? "-debug.img" : "-live.img")));
        assertThat(rounds)
                .extracting(SaveRound::toString)
                .startsWith("1: sent 1018, skipped 3, ", "2: sent 38, skipped 0, ", "3: sent 354, skipped 0, ")
                .hasSize(debug ? 4 : 3);
        assertThat(domain.calls).containsExactly("enable", "suspend", "disable");
    }

    @Test
    void the_most_iterations_may_be_four() throws Exception {
        ScriptedDomain domain = domain(0xC00, true, WordSize.BITS_64, scenario("s3.txt"));
        byte[] stream = save(domain, new Hvm2007Settings(WordSize.BITS_64, true, false, false, 4, 0, true));
        assertThat(stream).isEqualTo(Fixtures.gold("seed07-64-maxiters4.img"));
    }

    @Test
    void without_the_bugs_of_2007_no_frame_is_sent_for_the_size_of_a_map() throws Exception {
        save(domain(0xC00, true, WordSize.BITS_64, scenario("s1.txt")), settings(WordSize.BITS_64, true, false, false));
        assertThat(rounds).extracting(SaveRound::sent).containsExactly(1018L, 37L, 354L);
    }

    @ParameterizedTest
    @CsvSource({"0, 16, 13401", "1, 3, 5276", "50, 30, 21647"})
    void it_ends_as_the_original_did_when_the_guest_goes_on_writing(int maxFactor, int iterations, long total)
            throws Exception {
        ScriptedDomain domain = domain(0x1800, true, WordSize.BITS_64, scenario("s3.txt"));
        save(domain, new Hvm2007Settings(WordSize.BITS_64, true, false, false, 0, maxFactor, true));
        assertThat(rounds).hasSize(iterations).last().satisfies(round -> {
            assertThat(round.totalSent()).isEqualTo(total);
            assertThat(round.last()).isTrue();
        });
    }

    @Test
    void a_guest_of_few_frames_is_frame_0_again_and_again_in_2007_only() throws Exception {
        for (boolean strict : new boolean[] {true, false}) {
            List<Long> sent = new ArrayList<>();
            byte[] stream =
                    save(domain(0x100, false, WordSize.BITS_64, ""), settings(WordSize.BITS_64, false, false, strict));
            new Hvm2007Reader(Fixtures.input(stream), WordSize.BITS_64, new Memory(sent)).read();
            assertThat(sent).hasSize(strict ? 0x120 : 0x120 - 32 - 3);
            assertThat(sent.stream().distinct()).hasSize(strict ? 1 : 0x120 - 32 - 3);
        }
    }

    @ParameterizedTest
    @CsvSource({"0xEFFE0, 0xEFFFF", "0xEFFE1, 0x100000", "0x400, 0x41F"})
    void the_space_of_frames_has_its_holes(long pages, long maxPfn) {
        assertThat(FrameSpace.of(pages, false).maxPfn()).isEqualTo(maxPfn);
        assertThat(FrameSpace.of(pages + 0x800, true).maxPfn()).isEqualTo(maxPfn);
    }

    @Test
    void a_busy_domain_may_be_asked_99_times() throws Exception {
        ScriptedDomain domain = domain(0x100, false, WordSize.BITS_64, "");
        for (int i = 0; i < 99; i++) {
            domain.states.add(Hvm2007Domain.State.RUNNING);
            domain.states.add(Hvm2007Domain.State.PAUSED);
        }
        save(domain, settings(WordSize.BITS_64, false, false, false));
        assertThat(domain.calls).hasSize(1 + 99).contains("unpause");

        ScriptedDomain busier = domain(0x100, false, WordSize.BITS_64, "");
        for (int i = 0; i < 100; i++) {
            busier.states.add(Hvm2007Domain.State.RUNNING);
        }
        assertThatThrownBy(() -> save(busier, settings(WordSize.BITS_64, false, false, false)))
                .hasMessageContaining("did not suspend within 100 polls");
    }

    @Test
    void a_domain_that_is_gone_ends_a_live_save_with_the_log_off() {
        ScriptedDomain domain = domain(0xC00, true, WordSize.BITS_64, scenario("s1.txt"));
        domain.states.add(Hvm2007Domain.State.GONE);
        assertThatThrownBy(() -> save(domain, settings(WordSize.BITS_64, true, false, false)))
                .hasMessageContaining("gone");
        assertThat(domain.calls).containsExactly("enable", "suspend", "disable");
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
    void what_was_saved_is_restored_and_compares_equal() throws Exception {
        ScriptedDomain domain = domain(0xC00, true, WordSize.BITS_32, scenario("s1.txt"));
        byte[] stream = save(domain, settings(WordSize.BITS_32, true, true, false));
        Memory memory = new Memory(new ArrayList<>());
        Hvm2007Restorer restorer = new Hvm2007Restorer(memory, true);
        new Hvm2007Reader(Fixtures.input(stream), WordSize.BITS_32, restorer).read();
        MemorySegment expected = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
        for (long frame = 0; frame < 0x41D; frame++) {
            if (frame < 0xA0 || frame >= 0xC0) {
                domain.read(frame, expected);
                assertThat(memory.frame(frame).mismatch(expected))
                        .as("frame %x", frame)
                        .isEqualTo(-1);
            }
        }
        assertThat(memory.frame(0x41F).mismatch(MemorySegment.ofArray(new byte[Page.SIZE_BYTES])))
                .isEqualTo(-1);
        assertThat(restorer.vcpuContexts()).hasSize(2);
        assertThat(restorer.hvmContext())
                .hasValueSatisfying(context -> assertThat(context.mismatch(MemorySegment.ofArray(HVM_CONTEXT)))
                        .isEqualTo(-1));
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
