package dev.godwit.qemu.vmstate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.vmstate.CapturedLayouts.Layout;
import dev.godwit.qemu.vmstate.CapturedLayouts.Listed;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SectionSplitterTest {

    static Stream<Layout> described() {
        return CapturedLayouts.layoutsWith("VMDESCRIPTION");
    }

    static Stream<Layout> packaged() {
        return CapturedLayouts.layoutsWith("COMMAND PACKAGED");
    }

    @ParameterizedTest
    @MethodSource("described")
    void captures_split_by_their_vmdescription_as_the_manifest_says(Layout layout) throws Exception {
        byte[] stream = layout.bytes();
        List<Listed> expected = layout.devices(false);
        byte[] tail = Arrays.copyOfRange(stream, expected.getFirst().at(), stream.length);

        DeviceSections split = SectionSplitter.split(tail, expected.getFirst().at(), earlier(layout, stream));

        assertEqual(split.sections(), expected, stream);
        assertThat(split.vmdescription().orElseThrow())
                .isEqualTo(Arrays.copyOfRange(stream, layout.offsetOf("VMDESCRIPTION") + 5, stream.length));
    }

    @ParameterizedTest
    @MethodSource("described")
    void captures_split_by_their_footers_as_the_manifest_says(Layout layout) throws Exception {
        byte[] stream = layout.bytes();
        List<Listed> expected = layout.devices(false);
        byte[] tail = Arrays.copyOfRange(stream, expected.getFirst().at(), layout.offsetOf("EOF") + 1);

        DeviceSections split = SectionSplitter.split(tail, 0, earlier(layout, stream));

        assertEqual(split.sections(), expected, stream);
        assertThat(split.vmdescription()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("packaged")
    void a_postcopy_package_splits_by_its_footers(Layout layout) throws Exception {
        byte[] stream = layout.bytes();
        int command = layout.offsetOf("COMMAND PACKAGED");
        int length = ByteBuffer.wrap(stream).getInt(command + 5);
        byte[] blob = Arrays.copyOfRange(stream, command + 9, command + 9 + length);

        List<Section> sections = SectionSplitter.splitPackage(blob, command + 9);

        assertThat(sections).hasSizeBetween(30, 32);
        assertThat(sections.getFirst().idstr()).isEqualTo("timer");
        assertThat(sections.getLast().idstr()).isEqualTo("globalstate");
        // LISTEN, PING and RUN are all that the package holds besides.
        assertThat(sections.stream()
                        .mapToInt(section -> 14 + section.idstr().length() + section.payload().length + 5)
                        .sum())
                .isEqualTo(length - 5 - 9 - 5);
    }

    @ParameterizedTest
    @MethodSource("described")
    void a_growing_stream_is_complete_only_at_its_end(Layout layout) {
        byte[] stream = layout.bytes();
        byte[] tail =
                Arrays.copyOfRange(stream, layout.devices(false).getFirst().at(), stream.length);
        StreamEnd end = new StreamEnd();
        for (int length = 1; length < tail.length; length += length < tail.length - 100 ? 97 : 1) {
            assertThat(end.isComplete(tail, length))
                    .as("after %d bytes", length)
                    .isFalse();
        }
        assertThat(end.isComplete(tail, tail.length)).isTrue();
    }

    @Test
    void an_array_whose_elements_differ_in_length_is_found_by_its_footer() throws Exception {
        byte[] json = """
                {"page_size": 4096, "devices": [
                {"name": "odd", "instance_id": 0, "vmsd_name": "odd", "version": 1,
                 "fields": [{"name": "a", "array_len": 3, "type": "tmp", "size": 2}]},
                {"name": "even", "instance_id": 1, "size": 1, "fields": []}]}""".getBytes(StandardCharsets.UTF_8);
        byte[] tail = concat(
                full(5, "odd", 0, 1, new byte[] {1, 2, 3, 4, 5, 6, 7, 0x7e, 0, 0, 0, 5}),
                full(6, "even", 1, 0, new byte[] {9}),
                new byte[] {0, 6},
                ByteBuffer.allocate(4).putInt(json.length).array(),
                json);

        DeviceSections split = SectionSplitter.split(tail, 0, List.of());

        assertThat(split.sections()).extracting(Section::idstr).containsExactly("odd", "even");
        assertThat(split.sections().getFirst().payload()).hasSize(12);
    }

    @Test
    void a_false_footer_inside_a_payload_is_passed_over() throws Exception {
        byte[] payload = concat(new byte[] {1, 0x7e, 0, 0, 0, 5}, Arrays.copyOf(full(9, "x", 0, 1, new byte[3]), 15));
        byte[] tail = concat(full(5, "a", 0, 1, payload), full(6, "b", 0, 1, new byte[] {7}), new byte[] {0});

        assertThat(SectionSplitter.split(tail, 0, List.of()).sections())
                .extracting(section -> section.payload().length)
                .containsExactly(payload.length, 1);
    }

    @Test
    void many_false_footers_take_no_time() {
        byte[] one = full(5, "aaaa", 0, 1, new byte[0]);
        byte[] tail = new byte[200_000 * one.length + 3];
        for (int at = 0; at + one.length <= tail.length; at += one.length) {
            System.arraycopy(one, 0, tail, at, one.length);
        }
        tail[tail.length - 2] = 1;

        Assertions.assertThatExceptionOfType(StreamFormatException.class)
                .isThrownBy(() -> org.junit.jupiter.api.Assertions.assertTimeout(
                        Duration.ofSeconds(5), () -> SectionSplitter.split(tail, 0, List.of())));
    }

    @Test
    void more_sections_than_any_machine_has_are_refused() {
        byte[] one = full(5, "aaaa", 0, 1, new byte[0]);
        byte[] tail = new byte[200_000 * one.length + 1];
        for (int at = 0; at + one.length <= tail.length; at += one.length) {
            System.arraycopy(one, 0, tail, at, one.length);
        }
        assertThatThrownBy(() -> SectionSplitter.split(tail, 0, List.of()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("at most 65536 sections");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void a_damaged_tail_splits_or_is_refused_with_a_position(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Layout layout = described()
                .filter(l -> l.file().startsWith("precopy-pc."))
                .findFirst()
                .orElseThrow();
        byte[] stream = layout.bytes();
        for (int round = 0; round < 100; round++) {
            byte[] tail = Arrays.copyOfRange(
                    stream, layout.devices(false).getFirst().at(), stream.length - random.nextInt(2) * 99_584);
            for (int flips = random.nextInt(1, 20); flips > 0; flips--) {
                tail[random.nextInt(tail.length)] ^= (byte) (1 << random.nextInt(8));
            }
            byte[] cut = random.nextBoolean() ? tail : Arrays.copyOf(tail, random.nextInt(tail.length));
            assertNothingButFormatException(() -> SectionSplitter.split(cut, 0, List.of()));
            assertNothingButFormatException(() -> SectionSplitter.splitPackage(cut, 0));
        }
    }

    private interface Attempt {
        void run() throws StreamFormatException;
    }

    private static void assertNothingButFormatException(Attempt attempt) {
        try {
            attempt.run();
        } catch (StreamFormatException e) {
            assertThat(e.positionBytes()).isNotNegative();
        }
    }

    @Test
    void a_device_before_ram_that_the_vmdescription_does_not_list_is_refused() {
        Layout layout = described()
                .filter(l -> l.file().startsWith("precopy-pc."))
                .findFirst()
                .orElseThrow();
        byte[] stream = layout.bytes();
        byte[] tail =
                Arrays.copyOfRange(stream, layout.devices(false).getFirst().at(), stream.length);
        Section early = new Section(SectionType.FULL, 1, "early", 0, 1, new byte[3], true);
        assertThatThrownBy(() -> SectionSplitter.split(tail, 0, List.of(early)))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("early");
    }

    @Test
    void an_empty_tail_is_refused() {
        assertThatThrownBy(() -> SectionSplitter.split(new byte[0], 7, List.of()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("at byte 7");
        assertThatThrownBy(() -> SectionSplitter.splitPackage(new byte[0], 7))
                .isInstanceOf(StreamFormatException.class);
    }

    private static List<Section> earlier(Layout layout, byte[] stream) {
        return layout.devices(true).stream()
                .map(listed -> {
                    int start = listed.at() + 14 + listed.idstr().length();
                    byte[] payload = Arrays.copyOfRange(stream, start, start + listed.payloadBytes());
                    return new Section(
                            SectionType.FULL,
                            listed.sectionId(),
                            listed.idstr(),
                            listed.instanceId(),
                            listed.versionId(),
                            payload,
                            true);
                })
                .toList();
    }

    private static void assertEqual(List<Section> sections, List<Listed> expected, byte[] stream) {
        assertThat(sections).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            Listed listed = expected.get(i);
            Section section = sections.get(i);
            int start = listed.at() + 14 + listed.idstr().length();
            assertThat(section.idstr()).isEqualTo(listed.idstr());
            assertThat(section.instanceId()).isEqualTo(listed.instanceId());
            assertThat(section.versionId()).isEqualTo(listed.versionId());
            assertThat(section.sectionId()).isEqualTo(listed.sectionId());
            assertThat(section.payload()).isEqualTo(Arrays.copyOfRange(stream, start, start + listed.payloadBytes()));
        }
    }

    static byte[] full(int sectionId, String idstr, int instanceId, int versionId, byte[] payload) {
        byte[] name = idstr.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(14 + name.length + payload.length + 5)
                .put((byte) 4)
                .putInt(sectionId)
                .put((byte) name.length)
                .put(name)
                .putInt(instanceId)
                .putInt(versionId)
                .put(payload)
                .put((byte) 0x7e)
                .putInt(sectionId)
                .array();
    }

    static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
