package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PostcopyStream;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.qemu.vmstate.MachineSections;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The postcopy of a live machine over one connection: the one of its precopy, or one made anew. */
public final class MachinePostcopy implements PostcopyStream {

    /** What has to be done to have the destination hear us again. */
    private interface Resumption {
        void run() throws IOException;
    }

    private final PostcopySender sender;
    private final Resumption resumption;
    private final Runnable closing;
    private final boolean first;
    private volatile @Nullable WritableByteChannel preempt;
    private volatile boolean aborted;

    private MachinePostcopy(PostcopySender sender, Runnable closing) {
        this.sender = sender;
        this.closing = closing;
        this.first = true;
        this.resumption = () -> {};
    }

    private MachinePostcopy(
            PostcopySender sender, ByteChannel channel, Optional<OutgoingPostcopy.SecondConnection> second) {
        this.sender = sender;
        this.closing = () -> closeQuietly(channel);
        this.first = false;
        this.resumption = () -> resume(channel, second);
    }

    /**
     * {@return the rest of a guest that has gone first}
     *
     * @param preempt closed by this stream
     * @param closing closes the other channels, from any thread
     */
    static MachinePostcopy afterHandover(
            PostcopySender sender, Optional<WritableByteChannel> preempt, Runnable closing) {
        MachinePostcopy made = new MachinePostcopy(sender, closing);
        made.preempt = preempt.orElse(null);
        return made;
    }

    /**
     * {@return the rest of a guest whose connection was lost}
     *
     * @param work all of RAM
     * @param channel a connection to where the destination waits, in blocking mode; closed by this stream
     * @param second opens the connection for pages that are asked for, with the capability {@code postcopy-preempt}
     */
    public static MachinePostcopy overNewConnection(
            PostcopyWork work, ByteChannel channel, Optional<OutgoingPostcopy.SecondConnection> second) {
        ByteOutput output = new ByteOutput(channel);
        PrecopyFrame frame =
                new PrecopyFrame(new StreamWriter(output, work.claims().layout()), MachineSections.RAM_SECTION_ID);
        return new MachinePostcopy(new PostcopySender(work, output, frame), channel, second);
    }

    @Override
    public void resume() throws IOException {
        resumption.run();
    }

    private void resume(ByteChannel channel, Optional<OutgoingPostcopy.SecondConnection> second) throws IOException {
        sender.answers().runsAlready();
        sender.answers().hear(channel);
        sender.askForReceived();
        if (second.isPresent()) {
            preempt = second.get().open();
            if (aborted) {
                abort();
            }
        }
        sender.goOn();
    }

    @Override
    public void sendRest() throws IOException {
        try {
            if (first) {
                sender.command(new Command.Ping(PostcopyAnswers.PING_AFTER_PACKAGE));
            }
            WritableByteChannel own = preempt;
            if (own == null) {
                sender.sendPages();
            } else {
                sender.sendPages(own, false);
            }
        } catch (UnreadablePageException e) {
            throw e;
        } catch (IOException e) {
            throw sender.answers().explained(e);
        }
    }

    @Override
    public void abort() {
        aborted = true;
        WritableByteChannel own = preempt;
        if (own != null) {
            closeQuietly(own);
        }
        closing.run();
    }

    @Override
    public void close() {
        abort();
    }

    @SuppressWarnings("EmptyCatch") // whoever waits at it is woken all the same
    private static void closeQuietly(WritableByteChannel channel) {
        try {
            channel.close();
        } catch (IOException _) {
            // see above
        }
    }
}
