package dev.godwit.qemu;

import dev.godwit.engine.StreamFormatException;
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

    /** How long a source that has sent a whole tail without a vmdescription has to be silent to be done with it. */
    static final long QUIET_MS = 1000;

    private static final int FIRST_BYTES = 64 << 10;

    private final ByteInput input;
    private final List<Section> earlier;
    private byte[] bytes = new byte[FIRST_BYTES];
    private int lengthBytes;

    private DeviceTail(ByteInput input, List<Section> earlier) {
        this.input = input;
        this.earlier = earlier;
    }

    /**
     * Reads and splits the tail.
     *
     * @param options whether the channel does not end behind it, and how its input is ended then
     * @param earlier the sections that came before
     */
    static DeviceSections read(ByteInput input, StreamOptions options, List<Section> earlier) throws IOException {
        long at = input.position();
        DeviceTail tail = new DeviceTail(input, earlier);
        if (options.inputEnd().isEmpty()) {
            tail.collect(options.staysOpen(), Runnable::run);
        } else {
            try (QuietTail watch = new QuietTail(
                    tail::isWholeWithoutDescription, options.inputEnd().get(), QUIET_MS)) {
                tail.collect(options.staysOpen(), watch::change);
            }
        }
        return SectionSplitter.split(Arrays.copyOf(tail.bytes, tail.lengthBytes), at, earlier);
    }

    /** Makes a change to the bytes; a watch makes it when it is not looking. */
    private interface Changes {
        void make(Runnable change);
    }

    private boolean isWholeWithoutDescription() {
        if (lengthBytes == 0 || bytes[lengthBytes - 1] != SectionType.EOF.wireByte()) {
            return false;
        }
        try {
            SectionSplitter.split(Arrays.copyOf(bytes, lengthBytes), 0, earlier);
            return true;
        } catch (StreamFormatException _) {
            return false;
        }
    }

    private void collect(boolean staysOpen, Changes changes) throws IOException {
        StreamEnd end = new StreamEnd();
        while (!input.atEnd()) {
            MemorySegment arrived = input.buffered();
            byte[] room = roomFor(arrived.byteSize());
            int arrivedBytes = (int) arrived.byteSize();
            changes.make(() -> {
                bytes = room;
                MemorySegment.copy(arrived, ValueLayout.JAVA_BYTE, 0, bytes, lengthBytes, arrivedBytes);
                lengthBytes += arrivedBytes;
            });
            input.skip(arrivedBytes);
            if (staysOpen && end.isComplete(bytes, lengthBytes)) {
                return;
            }
        }
    }

    private byte[] roomFor(long arrivedBytes) throws IOException {
        long wanted = lengthBytes + arrivedBytes;
        if (wanted > MAX_BYTES) {
            throw input.unexpected("at most " + MAX_BYTES + " bytes of device state", "more");
        }
        return wanted <= bytes.length
                ? bytes
                : Arrays.copyOf(bytes, (int) Math.min(MAX_BYTES, Math.max(wanted, 2L * bytes.length)));
    }
}
