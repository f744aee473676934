package dev.godwit.snapshot;

import dev.godwit.engine.RamSource;
import dev.godwit.qemu.OutgoingPrecopy;
import dev.godwit.qemu.VmState;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.xen.DomainState;
import dev.godwit.xen.FrameMap;
import dev.godwit.xen.LibxlRecord;
import dev.godwit.xen.RecordType;
import dev.godwit.xen.StreamRecord;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a guest that is no domain of Xen's has beside its frames, in the place that Xen's formats have for what the
 * device model saves: its devices, and the pages of RAM that no frame shows.
 *
 * <pre>
 *  0  8 bytes  "GODWITdm"
 *  8           a precopy stream of QEMU's: all blocks, but the pages that have a frame as zero pages; all devices
 * </pre>
 */
public final class SideStream {

    private static final byte[] MAGIC = "GODWITdm".getBytes(StandardCharsets.US_ASCII);

    /** What the readers of Xen's formats take of a device model. */
    private static final int MAX_BYTES = 128 << 20;

    private SideStream() {}

    /**
     * {@return the bytes}
     *
     * @param ram the whole RAM
     * @param frames which pages are told in frames, and so not here
     * @throws IOException if a page cannot be read, or it is more than Xen's formats take
     */
    public static MemorySegment write(RamSource ram, VmState state, FrameMap frames) throws IOException {
        Bounded bytes = new Bounded();
        new OutgoingPrecopy(new Unframed(ram, frames), state).send(bytes);
        return MemorySegment.ofArray(bytes.content.toByteArray()).asReadOnly();
    }

    /** {@return a device model's record that holds the bytes} */
    public static LibxlRecord record(MemorySegment bytes) {
        return new LibxlRecord(LibxlRecord.Type.EMULATOR_CONTEXT, 0, 0, bytes);
    }

    /**
     * {@return the precopy stream of a domain that Godwit wrote of another guest; empty where it is Xen's own}
     *
     * @throws IOException if there is one, and something of Xen's beside it that Godwit did not write
     */
    static Optional<byte[]> find(DomainState state) throws IOException {
        for (LibxlRecord emulator : state.emulators()) {
            byte[] content = emulator.content().toArray(ValueLayout.JAVA_BYTE);
            if (content.length > MAGIC.length && Arrays.equals(Arrays.copyOf(content, MAGIC.length), MAGIC)) {
                checkAlone(state);
                return Optional.of(Arrays.copyOfRange(content, MAGIC.length, content.length));
            }
        }
        return Optional.empty();
    }

    private static void checkAlone(DomainState state) throws IOException {
        List<String> others = new ArrayList<>();
        for (StreamRecord record : state.records()) {
            boolean own = record.type() == RecordType.HVM_PARAMS
                    || (record.type() == RecordType.HVM_CONTEXT
                            && record.body()
                                            .mismatch(StreamRecord.emptyHvmContext()
                                                    .body())
                                    < 0);
            if (!own) {
                others.add(record.type().name());
            }
        }
        state.chunks().forEach(part -> others.add(part.chunk().name()));
        if (state.emulators().size() > 1) {
            others.add("a second device model");
        }
        if (!others.isEmpty()) {
            throw new IOException("the domain has the devices of a guest that Godwit wrote, and beside them, which"
                    + " Godwit did not write, " + String.join(", ", others));
        }
    }

    /** RAM without the pages that frames show. */
    private static final class Unframed implements RamSource {

        private final RamSource ram;
        private final List<PageBitmap> present = new ArrayList<>();

        Unframed(RamSource ram, FrameMap frames) {
            this.ram = ram;
            for (RamBlock block : ram.layout().blocks()) {
                PageBitmap rest = new PageBitmap(block.pages());
                rest.or(ram.present(present.size()));
                present.add(rest);
            }
            for (FrameMap.Window window : frames.windows()) {
                present.get(window.blockIndex()).clear(window.firstPage(), window.pages());
            }
        }

        @Override
        public RamLayout layout() {
            return ram.layout();
        }

        @Override
        public PageBitmap present(int blockIndex) {
            return present.get(blockIndex);
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
            ram.read(blockIndex, offsetBytes, target);
        }
    }

    /** Bytes in memory, not more than Xen's readers take. */
    private static final class Bounded implements WritableByteChannel {

        private final ByteArrayOutputStream content = new ByteArrayOutputStream();

        Bounded() {
            content.writeBytes(MAGIC);
        }

        @Override
        public int write(ByteBuffer source) throws IOException {
            if (content.size() + source.remaining() > MAX_BYTES) {
                throw new IOException("the guest's devices, and the pages of RAM that have no frame, are more than the"
                        + " %d bytes that Xen's formats have for a device model".formatted(MAX_BYTES));
            }
            byte[] bytes = new byte[source.remaining()];
            source.get(bytes);
            content.writeBytes(bytes);
            return bytes.length;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }
}
