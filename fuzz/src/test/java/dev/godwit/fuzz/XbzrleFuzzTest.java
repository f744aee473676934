package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.Xbzrle;
import java.lang.foreign.MemorySegment;

class XbzrleFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_delta_is_applied_or_refused(byte[] input) throws Exception {
        try {
            Xbzrle.decode(MemorySegment.ofArray(input), MemorySegment.ofArray(new byte[4096]));
        } catch (PageDecodingException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
