package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** What the streams of before Xen 4.6 are written with: words of the tools' width, batches, counted bytes. */
final class WordOutput {

    private final ImageOutput output;
    private final WordSize words;

    WordOutput(ImageOutput output, WordSize words) {
        this.output = output;
        this.words = words;
    }

    void word(long value) throws IOException {
        if (words == WordSize.BITS_64) {
            output.u64(value);
        } else {
            output.u32(value);
        }
    }

    /** u32 how many, a word each. */
    void batch(long[] entries) throws IOException {
        output.u32(entries.length);
        for (long entry : entries) {
            word(entry);
        }
    }

    /** u32 length, bytes. */
    void counted(MemorySegment bytes) throws IOException {
        output.u32(bytes.byteSize());
        output.bytes(bytes);
    }
}
