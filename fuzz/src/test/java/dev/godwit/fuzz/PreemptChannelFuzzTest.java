package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.PreemptReader;
import dev.godwit.qemu.StreamWriter;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.util.List;

/** A postcopy-preempt channel: anything but an IOException is a finding. */
class PreemptChannelFuzzTest {

    private static final RamLayout LAYOUT =
            new RamLayout(List.of(new RamBlock("pc.ram", 1 << 20), new RamBlock("vga", 1 << 14)));

    @FuzzTest
    void a_channel(byte[] bytes) {
        ByteOutput output = new ByteOutput(Channels.newChannel(OutputStream.nullOutputStream()));
        try {
            PreemptReader.read(ByteInput.of(bytes), LAYOUT, new StreamWriter(output));
        } catch (IOException _) {
            // refused, as it may be
        }
    }
}
