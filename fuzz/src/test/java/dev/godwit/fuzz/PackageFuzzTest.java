package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.vmstate.SectionSplitter;
import java.io.IOException;

class PackageFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_package_is_split_or_refused(byte[] input) throws Exception {
        try {
            SectionSplitter.splitPackage(input, 0);
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
