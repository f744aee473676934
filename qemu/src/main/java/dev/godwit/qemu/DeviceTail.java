package dev.godwit.qemu;

import dev.godwit.qemu.vmstate.DeviceSections;
import dev.godwit.qemu.vmstate.SectionSplitter;
import dev.godwit.qemu.vmstate.StreamEnd;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/**
 * The end of a stream, from the first device section behind RAM: device sections, EOF, vmdescription. It has to be read
 * whole before it can be taken apart.
 */
final class DeviceTail {

    /** More than any machine's device state; what a hostile stream can make us keep. */
    static final int MAX_BYTES = 256 << 20;

    private static final int FIRST_BYTES = 64 << 10;

    private final ByteInput input;
    private byte[] bytes = new byte[FIRST_BYTES];
    private int lengthBytes;

    private DeviceTail(ByteInput input) {
        this.input = input;
    }

    /**
     * Reads and splits the tail.
     *
     * @param staysOpen whether the channel does not end behind it
     * @param earlier the sections that came before
     */
    static DeviceSections read(ByteInput input, boolean staysOpen, List<Section> earlier) throws IOException {
        long at = input.position();
        DeviceTail tail = new DeviceTail(input);
        tail.collect(staysOpen);
        return SectionSplitter.split(Arrays.copyOf(tail.bytes, tail.lengthBytes), at, earlier);
    }

    private void collect(boolean staysOpen) throws IOException {
        StreamEnd end = new StreamEnd();
        while (!input.atEnd()) {
            MemorySegment arrived = input.buffered();
            makeRoom(arrived.byteSize());
            int arrivedBytes = (int) arrived.byteSize();
            MemorySegment.copy(arrived, ValueLayout.JAVA_BYTE, 0, bytes, lengthBytes, arrivedBytes);
            lengthBytes += arrivedBytes;
            input.skip(arrivedBytes);
            if (staysOpen && end.isComplete(bytes, lengthBytes)) {
                return;
            }
        }
    }

    private void makeRoom(long arrivedBytes) throws IOException {
        long wanted = lengthBytes + arrivedBytes;
        if (wanted > MAX_BYTES) {
            throw input.unexpected("at most " + MAX_BYTES + " bytes of device state", "more");
        }
        if (wanted > bytes.length) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(MAX_BYTES, Math.max(wanted, 2L * bytes.length)));
        }
    }
}
