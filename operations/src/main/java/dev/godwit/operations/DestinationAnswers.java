package dev.godwit.operations;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.ReturnPathMessage;
import dev.godwit.qemu.ReturnPathMessages;
import dev.godwit.transport.MigrationChannel;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Hears the return path of an outgoing precopy stream on a thread of its own, until the destination says SHUT or hangs
 * up. The stream may be written meanwhile. It is a platform thread: a virtual one would make the socket non-blocking
 * for the writer too.
 */
final class DestinationAnswers {

    /** What the destination said last. */
    enum LastWord {
        /** SHUT(0): everything is loaded and the guest is the destination's. */
        LOADED,
        /** SHUT with an error: the destination could not load it. */
        REFUSED,
        /** It hung up, or sent what no destination of precopy sends. */
        NONE
    }

    private final CompletableFuture<LastWord> lastWord = new CompletableFuture<>();
    private volatile @Nullable IOException failure;

    DestinationAnswers(MigrationChannel channel) {
        Thread.ofPlatform().name("return-path").daemon(true).start(() -> lastWord.complete(hear(channel)));
    }

    private LastWord hear(MigrationChannel channel) {
        ByteInput input = new ByteInput(channel);
        try {
            while (true) {
                switch (ReturnPathMessages.read(input)) {
                    case ReturnPathMessage.Shut(int status) -> {
                        return status == 0 ? LastWord.LOADED : LastWord.REFUSED;
                    }
                    case ReturnPathMessage.Pong _, ReturnPathMessage.SwitchoverAck _ -> {
                        // Signs of life.
                    }
                    case ReturnPathMessage.RequestPagesOf _,
                            ReturnPathMessage.RequestPages _,
                            ReturnPathMessage.ReceivedBitmap _,
                            ReturnPathMessage.ResumeAck _ -> {
                        return LastWord.NONE;
                    }
                }
            }
        } catch (StreamFormatException e) {
            return LastWord.NONE;
        } catch (IOException e) {
            failure = e;
            return LastWord.NONE;
        }
    }

    /** {@return what kept the destination's words from being heard, where it was more than their end} */
    Optional<IOException> failure() {
        return Optional.ofNullable(failure);
    }

    /** {@return whether the destination has said its last word already} */
    boolean spoken() {
        return lastWord.isDone();
    }

    /**
     * Waits for the last word.
     *
     * @throws IOException if it does not come in time
     */
    LastWord await(long timeoutMs) throws IOException {
        try {
            return lastWord.get(timeoutMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("the destination said nothing for " + timeoutMs / 1000 + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for the destination", e);
        } catch (ExecutionException e) {
            throw new IOException("the return path failed", e);
        }
    }
}
