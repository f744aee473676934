package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Writes the stream of the saver of April 2007, which {@link Hvm2007Reader} tells the layout of. Owned by one thread.
 * After an exception the output holds a part of the stream: the format has no mark for that.
 */
public final class Hvm2007Writer implements Hvm2007Visitor {

    private final ImageOutput output;
    private final WordSize width;
    private final WordOutput words;

    /** A writer of words of a width. */
    public Hvm2007Writer(ImageOutput output, WordSize words) {
        this.output = output;
        this.width = words;
        this.words = new WordOutput(output, words);
    }

    @Override
    public void maxPfn(long maxPfn) throws IOException {
        words.word(maxPfn);
    }

    @Override
    public void batch(long[] entries) throws IOException {
        words.batch(entries);
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
        if (context.byteSize() != width.vcpuContextBytes()) {
            throw new IllegalArgumentException("context of %d bytes".formatted(context.byteSize()));
        }
        words.counted(context);
    }

    @Override
    public void hvmContext(MemorySegment context) throws IOException {
        words.counted(context);
        output.flush();
    }

    @Override
    public void deviceModel(MemorySegment content) throws IOException {
        output.bytes(Hvm2007Reader.DEVICE_MODEL);
        output.bytes(content);
        output.flush();
    }
}
