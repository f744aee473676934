package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * A channel on which host pages are sent in postcopy: the main one, in a PART section for each send, or the preempt
 * channel, which has no sections. Owned by one thread.
 */
final class PostcopyChannel {

    private final PostcopyWork work;
    private final PostcopyPages pages;
    private final ByteOutput output;
    private final StreamWriter writer;
    private final @Nullable PostcopyFrame frame;

    private PostcopyChannel(PostcopyWork work, ByteOutput output, StreamWriter writer, @Nullable PostcopyFrame frame) {
        this.work = work;
        this.pages = new PostcopyPages(work.ram(), work.claims(), writer);
        this.output = output;
        this.writer = writer;
        this.frame = frame;
    }

    static PostcopyChannel main(PostcopyWork work, ByteOutput output, PostcopyFrame frame) {
        return new PostcopyChannel(work, output, frame.writer(), frame);
    }

    static PostcopyChannel preempt(PostcopyWork work, WritableByteChannel channel) {
        ByteOutput output = ByteOutput.ofPages(channel);
        return new PostcopyChannel(
                work, output, new StreamWriter(output, work.claims().layout()), null);
    }

    /**
     * Sends host pages, which the caller has claimed.
     *
     * @return how many pages of 4096 bytes went with their content; the others are zero
     * @throws UnreadablePageException if they cannot be read; nothing of them is sent
     */
    int send(int block, long hostPage, int hostPages) throws IOException {
        pages.read(block, hostPage, hostPages);
        long start = output.position();
        // A section that stays open would keep others of the destination out while it waits for its rest.
        if (frame != null) {
            frame.beginPart();
        }
        int normalPages = pages.write(block, hostPage, hostPages);
        if (frame != null) {
            frame.endPart();
        }
        output.flush();
        long hostPageBytes = work.claims().hostPageBytes(block);
        long lengthBytes = hostPages * hostPageBytes;
        work.counters().written(output.position() - start, normalPages, lengthBytes / Page.SIZE_BYTES - normalPages);
        work.listener().sent(block, hostPage * hostPageBytes, lengthBytes);
        return normalPages;
    }

    /** {@return how far the stream has come} */
    long position() {
        return output.position();
    }

    void ping(int value) throws IOException {
        writer.command(new Command.Ping(value));
        output.flush();
    }

    /** The last words of the stream: END and EOF, or the EOS of a preempt channel. */
    void end() throws IOException {
        if (frame != null) {
            frame.end();
        } else {
            writer.endOfRecords();
        }
        output.flush();
    }
}
