package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamReader;
import java.io.IOException;

class MappedRamFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_head_is_read_or_refused(byte[] input) throws Exception {
        ArrayInput file = new ArrayInput(input);
        try {
            if (MappedRamReader.isMappedRam(file, 0)) {
                MappedRamHead head = MappedRamReader.readHead(file, 0);
                for (MappedRamBlock block : head.layout().blocks()) {
                    MappedRamReader.readBitmap(file, block);
                }
            }
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
