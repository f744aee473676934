package dev.godwit.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.EndDirective;
import com.github.luben.zstd.ZstdCompressCtx;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.Deflater;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MultifdDecompressorTest {

    private static final int PAGE = 4096;

    @ParameterizedTest
    @ValueSource(strings = {"zlib", "zstd"})
    void packets_of_one_stream_decode_in_order(String method) throws Exception {
        List<byte[]> contents = contents();
        List<ByteBuffer> packets = compress(method, contents);
        try (MultifdDecompressor decompressor = decompressor(method)) {
            for (int i = 0; i < packets.size(); i++) {
                byte[] expected = contents.get(i);
                ByteBuffer target = ByteBuffer.allocateDirect(expected.length);
                decompressor.decode(packets.get(i), target);
                byte[] decoded = new byte[expected.length];
                target.flip().get(decoded);
                assertThat(decoded).isEqualTo(expected);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"zlib", "zstd"})
    void packets_of_another_length_are_refused(String method) {
        int length = contents().getFirst().length;
        assertRefused(method, "instead of", first(method), length + PAGE);
        assertRefused(method, "more than", first(method), length - PAGE);
        assertRefused(method, "instead of", first(method).limit(20), length);
        assertRefused(method, "instead of", ByteBuffer.allocateDirect(0), length);
    }

    @ParameterizedTest
    @ValueSource(strings = {"zlib", "zstd"})
    void damage_is_refused(String method) {
        int length = contents().getFirst().length;
        assertRefused(method, "damaged", ByteBuffer.allocateDirect(4).putInt(0, 0x01020304), length);
        ByteBuffer whole = first(method);
        for (int seed = 0; seed < 200; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            ByteBuffer packet = ByteBuffer.allocateDirect(whole.limit())
                    .put(whole.duplicate())
                    .flip();
            for (int flips = random.nextInt(1, 8); flips > 0; flips--) {
                packet.put(random.nextInt(packet.limit()), (byte) random.nextInt());
            }
            try (MultifdDecompressor decompressor = decompressor(method)) {
                decompressor.decode(packet, ByteBuffer.allocateDirect(length));
            } catch (PageDecodingException e) {
                assertThat(e).message().as("seed %d", seed).isNotEmpty();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"zlib", "zstd"})
    void bytes_after_the_end_of_the_stream_are_refused(String method) {
        ByteBuffer packet = method.equals("zlib") ? endedZlib() : endedZstd();
        assertRefused(method, "", packet, PAGE);
    }

    private static ByteBuffer endedZlib() {
        try (Deflater deflater = new Deflater()) {
            ByteBuffer packet = ByteBuffer.allocateDirect(1000);
            deflater.setInput(new byte[PAGE]);
            deflater.finish();
            deflater.deflate(packet);
            return packet.putInt(7).flip();
        }
    }

    private static ByteBuffer endedZstd() {
        try (ZstdCompressCtx context = new ZstdCompressCtx()) {
            ByteBuffer packet = ByteBuffer.allocateDirect(1000);
            context.compressDirectByteBufferStream(packet, ByteBuffer.allocateDirect(PAGE), EndDirective.END);
            return packet.putInt(7).flip();
        }
    }

    private static void assertRefused(String method, String reason, ByteBuffer packet, int length) {
        try (MultifdDecompressor decompressor = decompressor(method)) {
            assertThatThrownBy(() -> decompressor.decode(packet, ByteBuffer.allocateDirect(length)))
                    .isInstanceOf(PageDecodingException.class)
                    .hasMessageContaining(reason);
        }
    }

    private static MultifdDecompressor decompressor(String method) {
        return method.equals("zlib") ? MultifdDecompressor.zlib() : MultifdDecompressor.zstd();
    }

    private static ByteBuffer first(String method) {
        return compress(method, contents()).getFirst();
    }

    private static List<byte[]> contents() {
        List<byte[]> contents = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(11);
        for (int pages : new int[] {128, 1, 2, 128, 5}) {
            byte[] content = new byte[pages * PAGE];
            for (int at = 0; at < content.length; at++) {
                content[at] = (byte) (at % PAGE < 2000 ? random.nextInt() : at >> 8);
            }
            contents.add(content);
        }
        return contents;
    }

    private static List<ByteBuffer> compress(String method, List<byte[]> contents) {
        List<ByteBuffer> packets = new ArrayList<>();
        try (Deflater deflater = new Deflater();
                ZstdCompressCtx context = new ZstdCompressCtx()) {
            for (byte[] content : contents) {
                ByteBuffer packet = ByteBuffer.allocateDirect(1 << 20);
                if (method.equals("zlib")) {
                    deflater.setInput(content);
                    deflater.deflate(packet, Deflater.SYNC_FLUSH);
                } else {
                    ByteBuffer direct = ByteBuffer.allocateDirect(content.length)
                            .put(content)
                            .flip();
                    while (!context.compressDirectByteBufferStream(packet, direct, EndDirective.FLUSH)) {
                        // until everything is flushed
                    }
                }
                packets.add(packet.flip());
            }
        }
        return packets;
    }
}
