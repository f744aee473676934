package dev.godwit.snapshot;

import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import dev.godwit.xen.FrameMap;
import java.io.IOException;

/** Which frame of a domain of Xen's the pages of a machine's RAM become. */
public final class GuestFrames {

    private GuestFrames() {}

    /**
     * {@return the frames of a machine, without those where no domain of Xen's has RAM}
     *
     * @throws IOException if it is not known where the machine's memory lies
     */
    public static FrameMap of(String machineType, RamLayout layout) throws IOException {
        MachineMemoryMap map = MachineMemoryMap.of(machineType, layout);
        FrameMap frames = new FrameMap(map.ranges().stream()
                        .map(range -> new FrameMap.Window(
                                range.blockIndex(),
                                range.offsetBytes() / Page.SIZE_BYTES,
                                range.gpa() / Page.SIZE_BYTES,
                                range.lengthBytes() / Page.SIZE_BYTES))
                        .toList())
                .withoutHoles();
        if (frames.windows().isEmpty()) {
            throw new IOException("where the memory of machine type " + machineType
                    + " lies is not known, so it cannot be told in Xen's frames");
        }
        return frames;
    }
}
