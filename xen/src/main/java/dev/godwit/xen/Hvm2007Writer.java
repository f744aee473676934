package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Writes the stream of the saver of April 2007, which {@link Hvm2007Reader} tells the layout of. Owned by one thread.
 * After an exception the output holds a part of the stream: the format has no mark for that.
 */
public final class Hvm2007Writer implements Hvm2007Visitor {

    private final ImageOutput output;
    private final WordSize words;

    /** A writer of words of a width. */
    public Hvm2007Writer(ImageOutput output, WordSize words) {
        this.output = output;
        this.words = words;
    }

    @Override
    public void maxPfn(long maxPfn) throws IOException {
        word(maxPfn);
    }

    @Override
    public void batch(long[] entries) throws IOException {
        output.u32(entries.length);
        for (long entry : entries) {
            word(entry);
        }
    }

    @Override
    public void page(long frame, MemorySegment content) throws IOException {
        output.bytes(content);
    }

    @Override
    public void verify() throws IOException {
        output.u32(-1);
    }

    @Override
    public void vcpus(int count) throws IOException {
        output.u32(0);
        output.u32(count);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if it has not the length that belongs to the words
     */
    @Override
    public void vcpu(MemorySegment context) throws IOException {
        if (context.byteSize() != words.vcpuContextBytes()) {
            throw new IllegalArgumentException("context of %d bytes".formatted(context.byteSize()));
        }
        output.u32(context.byteSize());
        output.bytes(context);
    }

    @Override
    public void hvmContext(MemorySegment context) throws IOException {
        output.u32(context.byteSize());
        output.bytes(context);
        output.flush();
    }

    private void word(long value) throws IOException {
        if (words == WordSize.BITS_64) {
            output.u64(value);
        } else {
            output.u32(value);
        }
    }
}
