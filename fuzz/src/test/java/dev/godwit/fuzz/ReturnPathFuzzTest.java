package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.ReturnPathMessages;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;

class ReturnPathFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_messages_are_read_or_refused(byte[] input) throws Exception {
        try {
            ByteInput messages = new ByteInput(Channels.newChannel(new ByteArrayInputStream(input)));
            while (!messages.atEnd()) {
                ReturnPathMessages.read(messages);
            }
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
