package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.StreamOptions;
import dev.godwit.qemu.StreamReader;
import dev.godwit.qemu.StreamWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;

class StreamRewritingFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_stream_is_rewritten_or_refused(byte[] input) throws Exception {
        try {
            ByteOutput output = new ByteOutput(Channels.newChannel(OutputStream.nullOutputStream()));
            ByteInput stream = ByteInput.of(input);
            new StreamReader(stream, StreamOptions.ENDS, new StreamWriter(output)).read();
            output.flush();
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
