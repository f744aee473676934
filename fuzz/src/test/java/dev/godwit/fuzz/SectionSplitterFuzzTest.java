package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.vmstate.DeviceSections;
import dev.godwit.qemu.vmstate.SectionSplitter;
import java.io.IOException;
import java.util.List;

class SectionSplitterFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_tail_is_split_or_refused(byte[] input) throws Exception {
        try {
            DeviceSections sections = SectionSplitter.split(input, 0, List.of());
            if (sections.sections().stream()
                            .mapToLong(section -> section.payload().length)
                            .sum()
                    > input.length) {
                throw new AssertionError("more bytes came out than went in");
            }
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
