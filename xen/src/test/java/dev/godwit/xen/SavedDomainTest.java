package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Xen migration specification sections 3 and 4.1, with its samples. */
class SavedDomainTest {

    /** Samples of modern streams that one of Xen's readers refuses although they are not called bad. */
    private static final List<String> TOLERATED = List.of("v3-hvm-ckpt.img", "v3-no-sde.img");

    @TempDir
    Path folder;

    static Stream<String> good() {
        return Fixtures.samples().keySet().stream().filter(name -> name.startsWith("v") && !TOLERATED.contains(name));
    }

    private static byte[] rewritten(byte[] image) throws IOException {
        ByteArrayOutputStream copy = new ByteArrayOutputStream();
        SavedDomainWriter writer = new SavedDomainWriter(new ImageOutput(Channels.newChannel(copy)));
        ImageInput input = Fixtures.input(image);
        new SavedDomainReader(input, writer).read();
        assertThat(input.positionBytes()).isEqualTo(copy.size());
        return copy.toByteArray();
    }

    @ParameterizedTest
    @MethodSource("good")
    void a_good_sample_is_read_and_written_again_byte_for_byte(String name) throws Exception {
        byte[] image = Fixtures.sample(name);
        byte[] copy = rewritten(image);
        int behindEnd = name.equals("v3-trailing.img") ? 17 : 0;
        assertThat(copy).isEqualTo(Arrays.copyOf(image, image.length - behindEnd));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "bad-2sde.img | STATIC_DATA_END record .* a second one",
                "bad-bigendian.img | image header .* big-endian",
                "bad-count0.img | PAGE_DATA record .* at least 1",
                "bad-ctx0.img | HVM_CONTEXT record .* expected a context, found none",
                "bad-endlen.img | END record .* an empty body",
                "bad-marker.img | image header at byte 0 .* marker",
                "bad-noend.img | record header .* found the end",
                "bad-optionalrec.img | record header .* 0x80000001, an optional one",
                "bad-optres.img | image header .* reserved bits",
                "bad-padding.img | padding of zeros",
                "bad-pdres.img | PAGE_DATA record .* reserved field of 0",
                "bad-pfnres.img | PAGE_DATA record .* entry 0: 0x0010000000000000",
                "bad-pglen.img | PAGE_DATA record .* expected 4112 bytes",
                "bad-pgtype5.img | PAGE_DATA record .* entry 0: 0x5000000000000000",
                "bad-policy-v2.img | X86_CPUID_POLICY record .* version 3, found version 2",
                "bad-sde-v2.img | STATIC_DATA_END record .* version 3, found version 2",
                "bad-shift.img | domain header .* page shift 12, found 13",
                "bad-toolstack.img | TOOLSTACK record .* deprecated",
                "bad-tsclen.img | X86_TSC_INFO record .* 24 bytes, found 16",
                "bad-type3.img | domain header .* domain type 2 .* found 3",
                "bad-unknownrec.img | record header .* known record type, found 0x13",
                "bad-version1.img | image header .* version 2 or 3, found 1",
                "bad-version4.img | image header .* version 2 or 3, found 4",
                "v3-hvm-ckpt.img | CHECKPOINT record .* without checkpoints",
                "v3-no-sde.img | PAGE_DATA record .* STATIC_DATA_END before",
            })
    void a_bad_sample_is_refused_with_the_reason(String name, String reason) {
        assertThatThrownBy(() -> rewritten(Fixtures.sample(name)))
                .isInstanceOf(StreamFormatException.class)
                .message()
                .containsPattern(reason);
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3-hvm-policy.img", "v3-xl-json.img", "v3-libxl-xs.img"})
    void an_image_that_is_cut_off_anywhere_is_refused(String name) {
        byte[] image = Fixtures.sample(name);
        for (int length = 0; length < image.length; length += length < 300 || length > image.length - 300 ? 1 : 509) {
            byte[] cut = Arrays.copyOf(image, length);
            assertThatThrownBy(() -> rewritten(cut))
                    .as("%d of %d bytes", length, image.length)
                    .isInstanceOf(StreamFormatException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1-f0", "v1-f1", "v1-f3", "v2-f0", "v2-f1", "v2-f3", "v3-f0", "v3-f1", "v3-f3"})
    void what_xen_itself_saved_holds_the_guest_s_memory(String name) throws Exception {
        byte[] image = Fixtures.gold("v3real-" + name + ".img");
        byte[] memory = Fixtures.gold("v3real-" + name + ".mem");
        Map<Long, byte[]> frames = new TreeMap<>();
        Frames read = new Frames(frames);
        new SavedDomainReader(Fixtures.input(image), read).read();
        assertThat(read.verified).isEqualTo(name.endsWith("f3"));
        for (long frame = 0; frame < memory.length / Page.SIZE_BYTES; frame++) {
            int at = (int) frame * Page.SIZE_BYTES;
            boolean hole = frame >= 0xA0 && frame < 0xC0;
            assertThat(frames.containsKey(frame)).as("frame %x", frame).isEqualTo(!hole);
            if (!hole) {
                assertThat(frames.get(frame))
                        .as("frame %x", frame)
                        .isEqualTo(Arrays.copyOfRange(memory, at, at + Page.SIZE_BYTES));
            }
        }
        assertThat(rewritten(image)).isEqualTo(image);
    }

    /** The frames as they stand at the end. */
    private static final class Frames implements SavedDomainVisitor {

        private final Map<Long, byte[]> frames;
        private boolean verified;

        Frames(Map<Long, byte[]> frames) {
            this.frames = frames;
        }

        @Override
        public void header(ImageHeader header) {
            assertThat(header).isEqualTo(new ImageHeader(3, 4, 17));
        }

        @Override
        public void record(StreamRecord record) {
            verified |= record.type() == RecordType.VERIFY;
        }

        @Override
        public void batch(long[] entries) {
            assertThat(entries).hasSizeBetween(1, SavedDomainWriter.MAX_BATCH);
        }

        @Override
        public void page(long entry, MemorySegment content) {
            frames.put(PageEntry.frame(entry), content.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void what_is_written_anew_is_accepted_by_xen_s_checker_and_read_again() throws Exception {
        byte[] image = newImage();
        XenTools.Verdict verdict = XenTools.verify(folder, image, "libxc");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        assertThat(rewritten(image)).isEqualTo(image);
    }

    @ParameterizedTest
    @MethodSource("good")
    void what_is_rewritten_is_accepted_by_xen_s_checker(String name) throws Exception {
        // The checker itself cannot read keys and values since it runs on Python 3.
        int expected = name.equals("v3-libxl-xs.img") ? 1 : 0;
        String format = name.contains("libxl") ? "libxl" : name.startsWith("v3-xl") ? "xl" : "libxc";
        XenTools.Verdict verdict = XenTools.verify(folder, rewritten(Fixtures.sample(name)), format);
        assertThat(verdict.status()).as(verdict.said()).isEqualTo(expected);
    }

    private static byte[] newImage() throws IOException {
        byte[] context = new byte[40]; // a HEADER entry and an END entry
        System.arraycopy(Fixtures.gold("seed07-64-nonlive.img"), 4200592 - 40, context, 0, 40);
        DomainImage image = new DomainImage(
                new ImageHeader(ImageHeader.VERSION_3, 4, 17),
                List.of(
                        StreamRecord.tscInfo(0, 2_400_000, 1_000_000_000L, 1),
                        StreamRecord.hvmParams(new TreeMap<>(Map.of(
                                StreamRecord.STORE_PFN, 0x8FEL,
                                StreamRecord.IOREQ_PFN, 0x8FFL,
                                StreamRecord.BUFIOREQ_PFN, 0x8FDL))),
                        StreamRecord.hvmContext(context)));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        image.write(
                new FrameSource() {
                    @Override
                    public long frames() {
                        return 0x900;
                    }

                    @Override
                    public boolean exists(long frame) {
                        return frame < 0xA0 || frame >= 0xC0;
                    }

                    @Override
                    public void read(long frame, MemorySegment target) {
                        target.fill((byte) frame);
                    }
                },
                new SavedDomainWriter(new ImageOutput(Channels.newChannel(bytes))));
        return bytes.toByteArray();
    }
}
