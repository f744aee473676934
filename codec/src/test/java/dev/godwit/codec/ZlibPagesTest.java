package dev.godwit.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;

class ZlibPagesTest {

    private final byte[] page = new byte[Page.SIZE_BYTES];

    @Test
    void pages_decode_one_after_the_other() throws Exception {
        SplittableRandom random = new SplittableRandom(7);
        try (ZlibPages pages = new ZlibPages()) {
            for (int round = 0; round < 10; round++) {
                byte[] content = new byte[Page.SIZE_BYTES];
                random.nextBytes(content);
                Arrays.fill(content, 1000, 3000, (byte) round);
                pages.decode(MemorySegment.ofArray(deflate(content)), MemorySegment.ofArray(page));
                assertThat(page).isEqualTo(content);
            }
        }
    }

    @Test
    void streams_that_are_not_exactly_one_page_are_refused() {
        byte[] whole = deflate(new byte[Page.SIZE_BYTES]);
        assertRefused("4095 bytes instead of a page", deflate(new byte[Page.SIZE_BYTES - 1]));
        assertRefused("more than a page", deflate(new byte[Page.SIZE_BYTES + 1]));
        assertRefused("more than a page", deflate(new byte[50_000_000]));
        assertRefused("after the end", Arrays.copyOf(whole, whole.length + 3));
        assertRefused("does not end", Arrays.copyOf(whole, whole.length - 1));
        assertRefused("instead of a page", new byte[0]);
        assertRefused("damaged", new byte[] {1, 2, 3, 4});
        whole[whole.length - 1] ^= 1;
        assertRefused("damaged", whole);
    }

    private void assertRefused(String reason, byte[] stream) {
        try (ZlibPages pages = new ZlibPages()) {
            assertThatThrownBy(() -> pages.decode(MemorySegment.ofArray(stream), MemorySegment.ofArray(page)))
                    .isInstanceOf(PageDecodingException.class)
                    .hasMessageContaining(reason);
        }
    }

    private static byte[] deflate(byte[] content) {
        try (Deflater deflater = new Deflater()) {
            deflater.setInput(content);
            deflater.finish();
            byte[] target = new byte[content.length + 100];
            return Arrays.copyOf(target, deflater.deflate(target));
        }
    }
}
