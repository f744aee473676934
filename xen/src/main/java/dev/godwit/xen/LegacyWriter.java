package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * Writes a legacy stream, which {@link LegacyReader} tells the layout of. Owned by one thread. After an exception the
 * output holds a part of the stream: the format has no mark for that.
 */
public final class LegacyWriter implements LegacyVisitor {

    static final byte[] DEVICE_MODEL = "DeviceModelRecord0002".getBytes(StandardCharsets.US_ASCII);

    private final ImageOutput output;
    private final WordOutput words;

    /** A writer of words of a width. */
    public LegacyWriter(ImageOutput output, WordSize words) {
        this.output = output;
        this.words = new WordOutput(output, words);
    }

    @Override
    public void p2mSize(long frames) throws IOException {
        words.word(frames);
    }

    @Override
    public void batch(long[] entries) throws IOException {
        words.batch(entries);
    }

    @Override
    public void page(long entry, MemorySegment content) throws IOException {
        output.bytes(content);
    }

    @Override
    public void chunk(LegacyChunk chunk, MemorySegment payload) throws IOException {
        output.u32(chunk.code());
        output.bytes(payload);
    }

    @Override
    public void end(SpecialFrames specials, MemorySegment hvmContext) throws IOException {
        output.u32(0);
        output.u64(specials.ioreq());
        output.u64(specials.bufioreq());
        output.u64(specials.store());
        words.counted(hvmContext);
        output.flush();
    }

    @Override
    public void deviceModel(MemorySegment content) throws IOException {
        output.bytes(DEVICE_MODEL);
        words.counted(content);
        output.flush();
    }
}
