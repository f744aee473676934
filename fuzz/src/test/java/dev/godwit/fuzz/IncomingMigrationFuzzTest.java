package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.IncomingMigration;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;

class IncomingMigrationFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_stream_is_received_or_refused(byte[] input) throws Exception {
        try {
            IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(input)))
                    .into(new PageSinkOfNothing());
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
