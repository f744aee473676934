package dev.godwit.qemu;

import dev.godwit.engine.HeapNeed;
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

    /** More than any machine's device state; what a hostile stream can make us keep, and copy while it is split. */
    private static final int MAX_BYTES = HeapNeed.limit(256 << 20, 8);

    /** How long a source may be silent in the middle of its device state, which it has ready when it begins with it. */
    static final long LONGEST_SILENCE_MS = 120_000;

    /** How long a source that has sent a whole tail without a vmdescription has to be silent to be done with it. */
    static final long QUIET_MS = 1000;

    private static final int FIRST_BYTES = 64 << 10;

    private final ByteInput input;
    private final List<Section> earlier;
    private final long longestSilenceMs;
    private byte[] bytes = new byte[FIRST_BYTES];
    private int lengthBytes;

    private DeviceTail(ByteInput input, List<Section> earlier, long longestSilenceMs) {
        this.input = input;
        this.earlier = earlier;
        this.longestSilenceMs = longestSilenceMs;
    }

    /**
     * Reads and splits the tail.
     *
     * @param options whether the channel does not end behind it, and how its input is ended then
     * @param earlier the sections that came before
     */
    static DeviceSections read(ByteInput input, StreamOptions options, List<Section> earlier) throws IOException {
        return read(input, options, earlier, LONGEST_SILENCE_MS);
    }

    /** The same with another longest silence, in milliseconds. */
    static DeviceSections read(ByteInput input, StreamOptions options, List<Section> earlier, long longestSilenceMs)
            throws IOException {
        long at = input.position();
        DeviceTail tail = new DeviceTail(input, earlier, longestSilenceMs);
        if (options.inputEnd().isEmpty()) {
            tail.collect(options.staysOpen(), Runnable::run);
        } else {
            tail.collectWatched(options.staysOpen(), options.inputEnd().get());
        }
        byte[] all = Arrays.copyOf(tail.bytes, tail.lengthBytes);
        return options.bytesFollow()
                ? SectionSplitter.splitWithBytesBehind(all, at, earlier)
                : SectionSplitter.split(all, at, earlier);
    }

    private void collectWatched(boolean staysOpen, InputEnd inputEnd) throws IOException {
        try (QuietTail watch = new QuietTail(this::isWholeWithoutDescription, inputEnd, QUIET_MS, longestSilenceMs)) {
            collect(staysOpen, watch::change);
            if (watch.gaveUp()) {
                throw input.unexpected(
                        "device sections, EOF and a vmdescription",
                        "silence for %d s behind %d bytes that are not whole"
                                .formatted(longestSilenceMs / 1000, lengthBytes));
            }
        }
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
