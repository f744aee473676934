package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.util.List;

class MultifdFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_channel_is_read_or_refused(byte[] input) throws Exception {
        try {
            RamLayout layout = new RamLayout(List.of(new RamBlock("pc.ram", 16 * 4096)));
            PageSinkOfNothing sink = new PageSinkOfNothing();
            sink.begin(layout);
            MultifdMethod[] methods = MultifdMethod.values();
            MultifdMethod method = methods[input.length % methods.length];
            try (MultifdReceiver receiver = new MultifdReceiver(1, method, sink, () -> {})) {
                receiver.accept(Channels.newChannel(new ByteArrayInputStream(input)), ByteBuffer.allocate(0));
                receiver.begin(layout);
                receiver.sync();
                receiver.sync();
                receiver.finish();
            }
        } catch (IOException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
