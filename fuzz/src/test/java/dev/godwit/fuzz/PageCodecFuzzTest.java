package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.codec.MultifdDecompressor;
import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.Xbzrle;
import dev.godwit.codec.ZlibPages;
import dev.godwit.ram.Page;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** Encoded pages: anything but a refusal with its reason is a finding. */
class PageCodecFuzzTest {

    @FuzzTest
    void an_xbzrle_delta(byte[] delta) {
        try {
            Xbzrle.decode(MemorySegment.ofArray(delta), MemorySegment.ofArray(new byte[Page.SIZE_BYTES]));
        } catch (PageDecodingException _) {
            // refused, as it may be
        }
    }

    @FuzzTest
    void a_compressed_page(byte[] stream) {
        try (ZlibPages pages = new ZlibPages()) {
            pages.decode(MemorySegment.ofArray(stream), MemorySegment.ofArray(new byte[Page.SIZE_BYTES]));
        } catch (PageDecodingException _) {
            // refused, as it may be
        }
    }

    @FuzzTest
    void a_zlib_packet(byte[] packet) {
        decode(MultifdDecompressor.zlib(), packet);
    }

    @FuzzTest
    void a_zstd_packet(byte[] packet) {
        decode(MultifdDecompressor.zstd(), packet);
    }

    private static void decode(MultifdDecompressor method, byte[] packet) {
        try (MultifdDecompressor decompressor = method) {
            ByteBuffer direct =
                    ByteBuffer.allocateDirect(packet.length).put(packet).flip();
            decompressor.decode(direct, ByteBuffer.allocateDirect(Page.SIZE_BYTES));
        } catch (PageDecodingException _) {
            // refused, as it may be
        }
    }
}
