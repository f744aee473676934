package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.vmstate.VmDescription;
import java.io.IOException;

class VmDescriptionFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_description_is_read_or_refused(byte[] input) throws Exception {
        try {
            VmDescription.parse(input, 0);
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
