package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qemu.mappedram.MappedRamHead;
import dev.godwit.qemu.mappedram.MappedRamReader;
import dev.godwit.qemu.mappedram.MappedRamTail;
import java.io.IOException;

/** A mapped-ram file: anything but an IOException is a finding. */
class MappedRamFuzzTest {

    @FuzzTest
    void any_head_is_read_or_refused(byte[] input) {
        ArrayInput file = new ArrayInput(input);
        try {
            if (MappedRamReader.isMappedRam(file, 0)) {
                readHead(file);
            }
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }

    @FuzzTest
    void any_file_is_read_or_refused(byte[] packed) {
        byte[] bytes = SparseBytes.expand(packed);
        ArrayInput file = new ArrayInput(bytes);
        try {
            MappedRamTail.read(file, readHead(file), bytes.length);
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }

    private static MappedRamHead readHead(ArrayInput file) throws IOException {
        MappedRamHead head = MappedRamReader.readHead(file, 0);
        for (MappedRamBlock block : head.layout().blocks()) {
            MappedRamReader.readBitmap(file, block);
        }
        return head;
    }
}
