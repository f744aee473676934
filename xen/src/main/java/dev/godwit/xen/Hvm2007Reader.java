package dev.godwit.xen;

import dev.godwit.engine.HeapNeed;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * Reads a stream of the saver of April 2007, with the checks that its own restorer lacked (Xen migration specification
 * sections 2.2 and 6.2). The stream has no mark: whoever reads it has to know what it is.
 *
 * <pre>
 * word maxPfn                                           words are 8 or 4 bytes, all is little-endian
 * repeat  i32 count 1..1024, count x word entry, 4096 bytes for each entry without bits 31..28
 *         or i32 -1: what follows is to be compared
 * i32 0
 * u32 vcpus, each: u32 size (5168 or 2800), context
 * u32 length, HVM context
 * [ "QemuDeviceModelRecord", content to the end of the input ]
 * </pre>
 *
 * <p>Anything else that comes after the end is left alone. Owned by one thread. After an exception the visitor has
 * heard all that was good before it.
 */
public final class Hvm2007Reader {

    /** How many entries a batch has at most. */
    public static final int MAX_BATCH = 1024;

    /** What xend put before the device model's part of a file (section 2.1). */
    static final byte[] DEVICE_MODEL = "QemuDeviceModelRecord".getBytes(StandardCharsets.US_ASCII);

    private static final int VERIFY = -1;
    private static final int MAX_VCPUS = 4096;
    private static final int MAX_CONTEXT_BYTES = HeapNeed.limit(128 << 20, 8);

    private final ImageInput input;
    private final WordSize words;
    private final Hvm2007Visitor visitor;
    private final MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);

    /**
     * A reader of one stream.
     *
     * @param input at the first byte
     * @param words how wide they are; see {@link #guessWords}
     * @param visitor hears the elements
     */
    public Hvm2007Reader(ImageInput input, WordSize words, Hvm2007Visitor visitor) {
        this.input = input;
        this.words = words;
        this.visitor = visitor;
    }

    /**
     * {@return how wide words seem to be} A guess: a 64-bit maxPfn has zeros in its upper half, where a 32-bit stream
     * has the first batch's count (section 2.8).
     *
     * @param input at the first byte, where it stays
     */
    public static WordSize guessWords(ImageInput input) throws IOException {
        byte[] head = input.peek(8);
        boolean wide = head.length == 8 && (head[4] | head[5] | head[6] | head[7]) == 0;
        return wide ? WordSize.BITS_64 : WordSize.BITS_32;
    }

    /**
     * Reads the stream to its end.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is damaged or cut off
     * @throws IOException if the channel fails, or the visitor does
     */
    public void read() throws IOException {
        input.section("max_pfn");
        long maxPfn = word();
        if (maxPfn < 0 || maxPfn >= FrameSpace.MOST_FRAMES || maxPfn < 0xC0) {
            throw input.refusal("0xc0 to 0xfffffff", "0x" + Long.toHexString(maxPfn));
        }
        FrameSpace space = new FrameSpace(maxPfn);
        visitor.maxPfn(maxPfn);
        readBatches(space);
        readVcpus();
        input.section("HVM context");
        long length = input.u32();
        if (length > MAX_CONTEXT_BYTES) {
            throw input.refusal("at most %d bytes".formatted(MAX_CONTEXT_BYTES), Long.toString(length));
        }
        visitor.hvmContext(MemorySegment.ofArray(input.bytes(length)).asReadOnly());
        if (input.isNext(DEVICE_MODEL)) {
            readDeviceModel();
        }
    }

    private void readDeviceModel() throws IOException {
        input.section("device model");
        input.bytes(DEVICE_MODEL.length);
        byte[] content = input.rest(MAX_CONTEXT_BYTES);
        if (!input.isAtEnd()) {
            throw input.refusal("at most %d bytes".formatted(MAX_CONTEXT_BYTES), "more");
        }
        visitor.deviceModel(MemorySegment.ofArray(content).asReadOnly());
    }

    private void readBatches(FrameSpace space) throws IOException {
        boolean verifying = false;
        while (true) {
            input.section("batch");
            int count = input.i32();
            if (count == 0) {
                return;
            }
            if (count == VERIFY && !verifying) {
                verifying = true;
                visitor.verify();
            } else if (count < 1 || count > MAX_BATCH) {
                throw input.refusal(
                        "1 to %d frames, 0 for the end, or -1 once".formatted(MAX_BATCH), Integer.toString(count));
            } else {
                readBatch(count, space);
            }
        }
    }

    private void readBatch(int count, FrameSpace space) throws IOException {
        long[] entries = new long[count];
        for (int i = 0; i < count; i++) {
            entries[i] = word();
            checkEntry(i, entries[i], space);
        }
        visitor.batch(entries);
        input.section("pages of a batch");
        for (long entry : entries) {
            if ((entry & Hvm2007Visitor.NO_CONTENT) == 0) {
                input.read(page);
                visitor.page(entry, page.asReadOnly());
            }
        }
    }

    private void checkEntry(int index, long entry, FrameSpace space) throws IOException {
        long type = entry & ~(FrameSpace.MOST_FRAMES - 1);
        if (type != 0 && type != Hvm2007Visitor.NO_CONTENT) {
            throw input.refusal("frames below 2^28 of type 0 or F", "entry %d: 0x%x".formatted(index, entry));
        }
        long frame = entry & (FrameSpace.MOST_FRAMES - 1);
        if (frame > space.maxPfn()) {
            throw input.refusal(
                    "frames up to 0x%x".formatted(space.maxPfn()), "entry %d: 0x%x".formatted(index, frame));
        }
        if (type == 0 && space.isHole(frame)) {
            throw input.refusal("no frame of a hole", "entry %d: 0x%x".formatted(index, frame));
        }
    }

    private void readVcpus() throws IOException {
        input.section("vCPU contexts");
        long count = input.u32();
        if (count > MAX_VCPUS) {
            throw input.refusal("at most %d vCPUs".formatted(MAX_VCPUS), Long.toString(count));
        }
        visitor.vcpus((int) count);
        for (long vcpu = 0; vcpu < count; vcpu++) {
            input.section("context of vCPU " + vcpu);
            long size = input.u32();
            if (size != words.vcpuContextBytes()) {
                throw input.refusal(
                        "%d bytes, as %d-bit tools write".formatted(words.vcpuContextBytes(), words.bytes() * 8),
                        Long.toString(size));
            }
            visitor.vcpu(MemorySegment.ofArray(input.bytes(size)).asReadOnly());
        }
    }

    private long word() throws IOException {
        return words == WordSize.BITS_64 ? input.u64() : input.u32();
    }
}
