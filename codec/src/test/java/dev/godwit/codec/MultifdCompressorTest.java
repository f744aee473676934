package dev.godwit.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MultifdCompressorTest {

    private static final int PACKET_BYTES = 128 * 4096;

    @ParameterizedTest(name = "{0} level {1}, seed {2}")
    @CsvSource({"zlib,0,1", "zlib,1,2", "zlib,9,3", "zstd,0,4", "zstd,1,5", "zstd,19,6"})
    void every_packet_decodes_fully_before_the_next_is_made(String method, int level, long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuffer compressed = ByteBuffer.allocateDirect(MultifdCompressor.mostBytes(PACKET_BYTES));
        try (MultifdCompressor compressor =
                        method.equals("zlib") ? MultifdCompressor.zlib(level) : MultifdCompressor.zstd(level);
                MultifdDecompressor decompressor =
                        method.equals("zlib") ? MultifdDecompressor.zlib() : MultifdDecompressor.zstd()) {
            for (int packet = 0; packet < 12; packet++) {
                ByteBuffer pages = pages(random, packet % 3, 1 + random.nextInt(128));
                addInTwo(compressor, random, pages, compressed.clear());
                compressor.flush(compressed);
                ByteBuffer decoded = ByteBuffer.allocateDirect(pages.remaining());
                decompressor.decode(compressed.flip(), decoded);
                assertThat(decoded.flip()).isEqualTo(pages);
            }
        }
    }

    @Test
    void what_has_no_room_is_refused_and_not_cut_off() {
        ByteBuffer pages = pages(new SplittableRandom(7), 0, 8);
        try (MultifdCompressor zlib = MultifdCompressor.zlib(1);
                MultifdCompressor zstd = MultifdCompressor.zstd(1)) {
            ByteBuffer small = ByteBuffer.allocateDirect(4096);
            assertThatThrownBy(() -> packet(zlib, pages.duplicate(), small.duplicate()))
                    .hasMessageContaining("does not fit");
            assertThatThrownBy(() -> packet(zstd, pages.duplicate(), small.duplicate()))
                    .hasMessageContaining("does not fit");
        }
    }

    private static void packet(MultifdCompressor compressor, ByteBuffer pages, ByteBuffer compressed) {
        compressor.add(pages, compressed);
        compressor.flush(compressed);
    }

    /** As where the pages of a packet do not lie side by side. */
    private static void addInTwo(
            MultifdCompressor compressor, SplittableRandom random, ByteBuffer pages, ByteBuffer compressed) {
        int first = random.nextInt(pages.remaining() / 4096 + 1) * 4096;
        compressor.add(pages.slice(0, first), compressed);
        compressor.add(pages.slice(first, pages.remaining() - first), compressed);
    }

    /** Random pages, pages of few different bytes, or pages of zeros with a word in them. */
    private static ByteBuffer pages(SplittableRandom random, int kind, int count) {
        byte[] content = new byte[count * 4096];
        if (kind == 0) {
            random.nextBytes(content);
        } else if (kind == 1) {
            for (int i = 0; i < content.length; i++) {
                content[i] = (byte) random.nextInt(4);
            }
        } else {
            content[random.nextInt(content.length)] = 1;
        }
        return ByteBuffer.allocateDirect(content.length).put(content).flip();
    }
}
