package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.ReturnPathMessages;
import java.io.IOException;

class ReturnPathFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_messages_are_read_or_refused(byte[] input) throws Exception {
        try {
            ByteInput messages = ByteInput.of(input);
            while (!messages.atEnd()) {
                ReturnPathMessages.read(messages);
            }
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
