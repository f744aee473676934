package dev.godwit.qemu;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * A channel on which host pages are sent in postcopy: the main one, in a PART section for each send, or the preempt
 * channel, which has no sections. Owned by one thread.
 */
final class PostcopyChannel {

    private final PostcopyPages pages;
    private final ByteOutput output;
    private final StreamWriter writer;
    private final @Nullable PostcopyFrame frame;

    private PostcopyChannel(
            RamSource ram, PageClaims claims, ByteOutput output, StreamWriter writer, @Nullable PostcopyFrame frame) {
        this.pages = new PostcopyPages(ram, claims, writer);
        this.output = output;
        this.writer = writer;
        this.frame = frame;
    }

    static PostcopyChannel main(RamSource ram, PageClaims claims, ByteOutput output, PostcopyFrame frame) {
        return new PostcopyChannel(ram, claims, output, frame.writer(), frame);
    }

    static PostcopyChannel preempt(RamSource ram, PageClaims claims, WritableByteChannel channel) {
        ByteOutput output = new ByteOutput(channel);
        return new PostcopyChannel(ram, claims, output, new StreamWriter(output, claims.layout()), null);
    }

    /**
     * Sends host pages, which the caller has claimed.
     *
     * @return whether all of them are zero
     * @throws UnreadablePageException if they cannot be read; nothing of them is sent
     */
    boolean send(int block, long hostPage, int hostPages) throws IOException {
        boolean zero = pages.read(block, hostPage, hostPages);
        // A section that stays open would keep others of the destination out while it waits for its rest.
        if (frame != null) {
            frame.beginPart();
        }
        pages.write(block, hostPage, hostPages);
        if (frame != null) {
            frame.endPart();
        }
        output.flush();
        return zero;
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
