package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.IncomingMigration;
import java.io.IOException;

class IncomingMigrationFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_stream_is_received_or_refused(byte[] input) throws Exception {
        try {
            IncomingMigration.from(ByteInput.of(input)).into(new PageSinkOfNothing());
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
