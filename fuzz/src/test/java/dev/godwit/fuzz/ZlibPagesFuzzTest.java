package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.ZlibPages;
import java.lang.foreign.MemorySegment;

class ZlibPagesFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_zlib_page_is_inflated_or_refused(byte[] input) throws Exception {
        try {
            try (ZlibPages pages = new ZlibPages()) {
                pages.decode(MemorySegment.ofArray(input), MemorySegment.ofArray(new byte[4096]));
            }
        } catch (PageDecodingException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
