package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.List;

/** A multifd channel: anything but an IOException, a wait without end included, is a finding. */
class MultifdFuzzTest {

    private static final RamLayout LAYOUT = new RamLayout(List.of(new RamBlock("pc.ram", 1 << 20)));

    @FuzzTest
    void a_channel(byte[] bytes) throws IOException {
        for (MultifdMethod method : MultifdMethod.values()) {
            receive(method, bytes);
        }
    }

    private static void receive(MultifdMethod method, byte[] bytes) throws IOException {
        PageSinkOfNothing sink = new PageSinkOfNothing();
        sink.begin(LAYOUT);
        try (MultifdReceiver receiver = new MultifdReceiver(1, method, sink, _ -> {})) {
            receiver.accept(Channels.newChannel(new ByteArrayInputStream(bytes)));
            try {
                receiver.begin(LAYOUT);
                while (true) {
                    receiver.sync();
                }
            } catch (IOException e) {
                if (e.getCause() instanceof RuntimeException finding) {
                    throw finding;
                }
            }
        }
    }
}
