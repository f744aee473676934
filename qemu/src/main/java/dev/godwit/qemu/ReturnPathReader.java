package dev.godwit.qemu;

import dev.godwit.engine.precopy.ReturnPathListener;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ReadableByteChannel;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Reads what the destination of a machine says, in a platform thread, until its last word or the end of the connection.
 */
final class ReturnPathReader {

    private final Thread thread;
    private final ReturnPathListener listener;
    private final Map<Integer, CountDownLatch> pongs = Map.of(
            PrecopyFrame.PING_AT_START, new CountDownLatch(1),
            PostcopyAnswers.PING_BEFORE_PACKAGE, new CountDownLatch(1));
    private volatile @Nullable PostcopyAnswers postcopy;

    /**
     * Begins to read.
     *
     * @param channel closing it ends the reading
     */
    ReturnPathReader(ReadableByteChannel channel, ReturnPathListener listener) {
        this.listener = listener;
        thread = Thread.ofPlatform().daemon().name("return-path").unstarted(() -> read(new ByteInput(channel)));
        thread.start();
    }

    /** What the destination says from now on is for somebody else. */
    void handTo(PostcopyAnswers answers) {
        postcopy = answers;
    }

    private void read(ByteInput input) {
        try {
            boolean more = true;
            while (more && !input.atEnd()) {
                ReturnPathMessage message = ReturnPathMessages.read(input);
                PostcopyAnswers answers = postcopy;
                if (answers == null) {
                    more = hear(input, message);
                } else {
                    answers.hear(input, message);
                }
            }
            if (more) {
                lose(new IOException("the destination closed the connection without its last word"));
            }
        } catch (IOException e) {
            lose(e);
        } catch (RuntimeException e) {
            lose(new IOException("reading the destination's answers failed: " + e, e));
        } finally {
            pongs.values().forEach(CountDownLatch::countDown);
        }
    }

    /** Hears a message of precopy. {@return whether more may come} */
    private boolean hear(ByteInput input, ReturnPathMessage message) throws IOException {
        switch (message) {
            case ReturnPathMessage.Shut(int status) -> {
                listener.shut(status);
                return false;
            }
            case ReturnPathMessage.SwitchoverAck _ -> listener.switchoverAcknowledged();
            case ReturnPathMessage.Pong(int value) -> pong(value);
            case ReturnPathMessage.RequestPages _,
                    ReturnPathMessage.RequestPagesOf _,
                    ReturnPathMessage.ReceivedBitmap _,
                    ReturnPathMessage.ResumeAck _ ->
                throw input.unexpected("PONG, SWITCHOVER_ACK or SHUT in precopy", "a message of postcopy");
        }
        return true;
    }

    /** Takes the connection for lost, for a reason that may not be its own; the first counts. */
    void lose(IOException cause) {
        PostcopyAnswers answers = postcopy;
        if (answers == null) {
            listener.lost(cause);
        } else {
            answers.lose(cause);
        }
    }

    private void pong(int value) {
        CountDownLatch awaited = pongs.get(value);
        if (awaited != null) {
            awaited.countDown();
        }
    }

    /**
     * Waits until the destination has answered a PING, {@link PrecopyFrame#PING_AT_START} or
     * {@link PostcopyAnswers#PING_BEFORE_PACKAGE}; the end of the connection, with which it returns as well, is the
     * listener's to hear.
     */
    void awaitPong(int value, long timeoutMs) throws IOException {
        try {
            if (!Objects.requireNonNull(pongs.get(value)).await(timeoutMs, TimeUnit.MILLISECONDS)) {
                throw new IOException(
                        "the destination did not answer PING %d within %d s".formatted(value, timeoutMs / 1000));
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for the destination");
        }
    }

    /** Waits for the end of the reading, which whoever calls has brought about. */
    void join() {
        try {
            thread.join();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
