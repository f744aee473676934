package dev.godwit.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.ram.Page;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class XbzrleTest {

    @ParameterizedTest
    @CsvSource({
        "000142, 0, 42",
        "a30204deadbeef, 291, deadbeef",
    })
    void captured_deltas_decode_and_encode(String hex, int at, String content) throws Exception {
        byte[] delta = HexFormat.of().parseHex(hex);
        byte[] page = new byte[Page.SIZE_BYTES];
        byte[] changed = new byte[Page.SIZE_BYTES];
        byte[] bytes = HexFormat.of().parseHex(content);
        System.arraycopy(bytes, 0, changed, at, bytes.length);

        assertThat(encode(page, changed)).isEqualTo(delta);
        Xbzrle.decode(MemorySegment.ofArray(delta), MemorySegment.ofArray(page));
        assertThat(page).isEqualTo(changed);
    }

    @Test
    void a_captured_delta_of_three_runs_to_the_end_of_the_page_decodes_and_encodes() throws Exception {
        byte[] delta = HexFormat.of().parseHex("0a0200015803020304981f0177");
        byte[] base = new byte[Page.SIZE_BYTES];
        Arrays.fill(base, (byte) 0x55);
        byte[] changed = base.clone();
        changed[10] = 0;
        changed[11] = 1;
        changed[100] = 2;
        changed[101] = 3;
        changed[102] = 4;
        changed[4095] = 0x77;

        assertThat(encode(base, changed)).isEqualTo(delta);
        Xbzrle.decode(MemorySegment.ofArray(delta), MemorySegment.ofArray(base));
        assertThat(base).isEqualTo(changed);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void what_is_encoded_decodes_to_the_same(long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 200; round++) {
            byte[] base = new byte[Page.SIZE_BYTES];
            random.nextBytes(base);
            byte[] page = base.clone();
            for (int runs = random.nextInt(30); runs > 0; runs--) {
                int start = random.nextInt(Page.SIZE_BYTES);
                int end = Math.min(Page.SIZE_BYTES, start + random.nextInt(1, 1 << random.nextInt(1, 13)));
                for (int at = start; at < end; at++) {
                    page[at] = (byte) random.nextInt();
                }
            }
            byte[] delta = encode(base, page);
            Xbzrle.decode(MemorySegment.ofArray(delta), MemorySegment.ofArray(base));
            assertThat(base).isEqualTo(page);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 8, 12, 40})
    void runs_are_cut_where_four_bytes_are_the_same_and_nowhere_else(int longestGap) {
        SplittableRandom random = new SplittableRandom(longestGap);
        for (int round = 0; round < 300; round++) {
            byte[] base = new byte[Page.SIZE_BYTES];
            random.nextBytes(base);
            byte[] page = base.clone();
            for (int at = random.nextInt(20); at < Page.SIZE_BYTES; at += 1 + random.nextInt(longestGap + 1)) {
                page[at] ^= (byte) (1 + random.nextInt(255));
            }
            assertThat(encode(base, page)).isEqualTo(plainlyEncoded(base, page));
        }
    }

    /** Byte by byte, as the format is told. */
    private static byte[] plainlyEncoded(byte[] base, byte[] page) {
        ByteArrayOutputStream delta = new ByteArrayOutputStream();
        int runEnd = 0;
        for (int start = 0; start < Page.SIZE_BYTES; start++) {
            if (base[start] != page[start]) {
                int end = start + 1;
                for (int at = end; at < Page.SIZE_BYTES && at - end < 4; at++) {
                    end = base[at] != page[at] ? at + 1 : end;
                }
                for (int value : new int[] {start - runEnd, end - start}) {
                    if (value >= 0x80) {
                        delta.write(value | 0x80);
                    }
                    delta.write(value < 0x80 ? value : value >> 7);
                }
                delta.write(page, start, end - start);
                runEnd = end;
                start = end - 1;
            }
        }
        return delta.toByteArray();
    }

    @Test
    void an_unchanged_page_is_an_empty_delta() throws Exception {
        byte[] page = new byte[Page.SIZE_BYTES];
        assertThat(encode(page, page)).isEmpty();
        Xbzrle.decode(MemorySegment.ofArray(new byte[0]), MemorySegment.ofArray(page));
        assertThat(page).containsOnly(0);
    }

    @Test
    void a_delta_that_does_not_fit_overflows() {
        byte[] base = new byte[Page.SIZE_BYTES];
        byte[] page = new byte[Page.SIZE_BYTES];
        Arrays.fill(page, (byte) 1);
        assertThat(new XbzrleEncoder()
                        .encode(
                                MemorySegment.ofArray(base),
                                MemorySegment.ofArray(page),
                                MemorySegment.ofArray(new byte[4098])))
                .isEqualTo(XbzrleEncoder.OVERFLOW);
        assertThat(new XbzrleEncoder()
                        .encode(
                                MemorySegment.ofArray(base),
                                MemorySegment.ofArray(page),
                                MemorySegment.ofArray(new byte[4099])))
                .isEqualTo(4099);
    }

    @ParameterizedTest
    @CsvSource({
        "00, 'ends inside a run'",
        "0001, 'ends inside a run'",
        "0a, 'ends inside a run'",
        "8001, 'ends inside a run'",
        "000101000102, 'empty run of kept bytes'",
        "000000, 'empty run of new bytes'",
        "00000000, 'empty run of new bytes'",
        "05000102, 'empty run of new bytes'",
        "00030102, 'of which the delta holds 2'",
        "ff1f0201020304, 'past the page''s end'",
        "80200101, 'past the page''s end'",
        "ff7f0101, 'past the page''s end'",
        "8080010101, 'more than two bytes'",
        "ffff0101, 'more than two bytes'",
    })
    void deltas_that_are_wrong_are_refused_with_the_reason(String hex, String reason) {
        byte[] page = new byte[Page.SIZE_BYTES];
        assertThatThrownBy(() ->
                        Xbzrle.decode(MemorySegment.ofArray(HexFormat.of().parseHex(hex)), MemorySegment.ofArray(page)))
                .isInstanceOf(PageDecodingException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void random_deltas_never_write_outside_the_page(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] memory = new byte[3 * Page.SIZE_BYTES];
        MemorySegment page = MemorySegment.ofArray(memory).asSlice(Page.SIZE_BYTES, Page.SIZE_BYTES);
        for (int round = 0; round < 20_000; round++) {
            byte[] delta = new byte[random.nextInt(40)];
            random.nextBytes(delta);
            try {
                Xbzrle.decode(MemorySegment.ofArray(delta), page);
            } catch (PageDecodingException e) {
                assertThat(e).message().isNotEmpty();
            }
        }
        assertThat(Arrays.copyOf(memory, Page.SIZE_BYTES)).containsOnly(0);
        assertThat(Arrays.copyOfRange(memory, 2 * Page.SIZE_BYTES, memory.length))
                .containsOnly(0);
    }

    private static byte[] encode(byte[] base, byte[] page) {
        byte[] target = new byte[2 * Page.SIZE_BYTES];
        int length = new XbzrleEncoder()
                .encode(MemorySegment.ofArray(base), MemorySegment.ofArray(page), MemorySegment.ofArray(target));
        return Arrays.copyOf(target, length);
    }
}
