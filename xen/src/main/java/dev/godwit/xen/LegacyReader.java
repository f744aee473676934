package dev.godwit.xen;

import dev.godwit.engine.HeapNeed;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;

/**
 * Reads a legacy stream of an HVM domain, of Xen of April 2007 to 4.5, as Xen's own converter does (Xen migration
 * specification section 2.7). The stream has no mark: whoever reads it has to know what it is.
 *
 * <pre>
 * word p2m_size                                        words are 8 or 4 bytes, all is little-endian
 * repeat  i32 1..1024, as many words, 4096 bytes for each with content
 *         or i32 below 0: see {@link LegacyChunk}
 * i32 0
 * u64 ioreq frame, u64 bufioreq frame, u64 store frame
 * u32 length, HVM context
 * [ "DeviceModelRecord0002", u32 length, content ]
 * </pre>
 *
 * <p>Owned by one thread. After an exception the visitor has heard all that was good before it.
 */
public final class LegacyReader {

    private static final int MAX_BATCH = 1024;
    private static final int MAX_VCPU_ID = 4095;
    private static final int MAX_KEPT_BYTES = HeapNeed.limit(128 << 20, 8);

    private final ImageInput input;
    private final WordSize words;
    private final LegacyVisitor visitor;
    private final MemorySegment page = MemorySegment.ofArray(new byte[Page.SIZE_BYTES]);
    private final Set<LegacyChunk> seen = EnumSet.noneOf(LegacyChunk.class);

    /**
     * A reader of one stream.
     *
     * @param input at the first byte
     * @param words how wide they are; {@link Hvm2007Reader#guessWords} guesses it
     * @param visitor hears the elements
     */
    public LegacyReader(ImageInput input, WordSize words, LegacyVisitor visitor) {
        this.input = input;
        this.words = words;
        this.visitor = visitor;
    }

    /**
     * Reads the stream to its end, the device model's part included if there is one.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is damaged, cut off, or not supported
     * @throws IOException if the channel fails, or the visitor does
     */
    public void read() throws IOException {
        input.section("p2m_size");
        if (input.isNext(XlHeader.MAGIC)) {
            throw input.refusal("a bare legacy stream", "the header of a file of xl save before one");
        }
        long frames = word();
        if (frames < 1 || frames > FrameSpace.MOST_FRAMES) {
            throw input.refusal("1 to 2^28 frames", Long.toUnsignedString(frames));
        }
        visitor.p2mSize(frames);
        readBody(frames);
        if (seen.contains(LegacyChunk.IOREQ_SERVER_PFN) != seen.contains(LegacyChunk.IOREQ_SERVER_PAGES)) {
            throw input.refusal("the frame of an I/O request server and how many, both or none", "one of them");
        }
        readEnd();
    }

    private void readBody(long frames) throws IOException {
        while (true) {
            input.section("batch");
            int marker = input.i32();
            if (marker == 0) {
                return;
            }
            if (marker > MAX_BATCH) {
                throw input.refusal("at most %d frames".formatted(MAX_BATCH), Integer.toString(marker));
            }
            if (marker > 0) {
                readBatch(marker, frames);
            } else {
                readChunk(marker);
            }
        }
    }

    private void readBatch(int count, long frames) throws IOException {
        long[] entries = new long[count];
        Set<Long> named = new HashSet<>();
        for (int i = 0; i < count; i++) {
            long entry = word();
            entries[i] = entry;
            if (!LegacyEntry.isValid(entry) || LegacyEntry.frame(entry) >= frames) {
                throw input.refusal(
                        "frames below 0x%x of a known type".formatted(frames), "entry %d: 0x%x".formatted(i, entry));
            }
            if (entry != LegacyEntry.FILLER && !named.add(LegacyEntry.frame(entry))) {
                throw input.refusal("each frame once in a batch", "entry %d: 0x%x again".formatted(i, entry));
            }
        }
        if (named.isEmpty()) {
            throw input.refusal("at least one frame", "%d pages that could not be mapped".formatted(count));
        }
        visitor.batch(entries);
        input.section("pages of a batch");
        for (long entry : entries) {
            if (LegacyEntry.hasContent(entry)) {
                input.read(page);
                visitor.page(entry, page.asReadOnly());
            }
        }
    }

    private void readChunk(int code) throws IOException {
        LegacyChunk chunk = LegacyChunk.of(code)
                .orElseThrow(() -> input.refusal("a known chunk", code + ": " + LegacyChunk.unsupported(code)));
        input.section(chunk + " chunk");
        if (!seen.add(chunk)) {
            throw input.refusal("one such chunk", "a second one");
        }
        MemorySegment payload;
        if (chunk.payloadBytes() >= 0) {
            payload = MemorySegment.ofArray(input.bytes(chunk.payloadBytes()));
        } else {
            payload = chunkOfOwnLength(chunk);
        }
        visitor.chunk(chunk, payload.asReadOnly());
    }

    private MemorySegment chunkOfOwnLength(LegacyChunk chunk) throws IOException {
        long number = input.u32();
        long length = number;
        if (chunk == LegacyChunk.VCPU_MAP) {
            if (number > MAX_VCPU_ID) {
                throw input.refusal("vCPUs up to " + MAX_VCPU_ID, Long.toString(number));
            }
            length = (number / 64 + 1) * 8;
        }
        byte[] rest = kept(length);
        MemorySegment payload = MemorySegment.ofArray(new byte[4 + rest.length]);
        payload.set(Layouts.U32, 0, (int) number);
        MemorySegment.copy(MemorySegment.ofArray(rest), 0, payload, 4, rest.length);
        return payload;
    }

    private void readEnd() throws IOException {
        input.section("special frames");
        long ioreq = input.u64();
        long bufioreq = input.u64();
        long store = input.u64();
        input.section("HVM context");
        long length = input.u32();
        if (length == 0) {
            throw input.refusal("a context", "none");
        }
        MemorySegment context = MemorySegment.ofArray(kept(length)).asReadOnly();
        visitor.end(new SpecialFrames(ioreq, store, bufioreq), context);
        if (!input.isAtEnd()) {
            readDeviceModel();
        }
    }

    private void readDeviceModel() throws IOException {
        input.section("device model");
        if (!input.isNext(LegacyWriter.DEVICE_MODEL)) {
            throw input.refusal("the end or \"DeviceModelRecord0002\"", "something else");
        }
        input.bytes(LegacyWriter.DEVICE_MODEL.length);
        visitor.deviceModel(MemorySegment.ofArray(kept(input.u32())).asReadOnly());
    }

    private byte[] kept(long length) throws IOException {
        if (length > MAX_KEPT_BYTES) {
            throw input.refusal("at most %d bytes".formatted(MAX_KEPT_BYTES), Long.toString(length));
        }
        return input.bytes(length);
    }

    private long word() throws IOException {
        return words == WordSize.BITS_64 ? input.u64() : input.u32();
    }
}
