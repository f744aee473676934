package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageRequests;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.Optional;

/**
 * Answers requests on the preempt channel, from a thread of its own, so that no page that is asked for waits behind one
 * that is pushed. Whoever serves holds this monitor. What ends it early is told to the answers, on which the main
 * channel's thread keeps an eye.
 */
final class PreemptSender implements AutoCloseable {

    private static final long LONGEST_WAIT_NS = 1_000_000_000;

    private final PostcopyPush push;
    private final PageRequests requests;
    private final PostcopyAnswers answers;
    private final PostcopyChannel channel;
    private final WritableByteChannel connection;
    private final Thread thread;
    private volatile boolean ended;

    /** Begins to serve. */
    PreemptSender(
            PostcopyPush push,
            PageRequests requests,
            PostcopyAnswers answers,
            PostcopyChannel channel,
            WritableByteChannel connection) {
        this.push = push;
        this.requests = requests;
        this.answers = answers;
        this.channel = channel;
        this.connection = connection;
        this.thread = Thread.ofPlatform().daemon().name("preempt").start(this::serve);
    }

    private void serve() {
        try {
            while (!ended) {
                long seenChanges = requests.changes();
                serveAll();
                if (!ended) {
                    requests.await(seenChanges, LONGEST_WAIT_NS);
                }
            }
        } catch (UnreadablePageException e) {
            answers.fail(e);
        } catch (IOException e) {
            answers.lose(e);
        } catch (InterruptedException e) {
            answers.lose(new IOException("interrupted", e));
        } catch (RuntimeException e) {
            answers.fail(new IOException("serving requests failed: " + e, e));
        }
    }

    private synchronized void serveAll() throws IOException {
        for (Optional<PageRequests.Request> request = requests.poll(); request.isPresent(); request = requests.poll()) {
            push.serve(request.get(), channel);
        }
    }

    /** Waits until what has been asked for so far is sent. */
    void drain() throws IOException {
        serveAll();
    }

    /** Says on the channel that no more comes. */
    void finish() throws IOException {
        stop();
        channel.end();
    }

    private void stop() throws IOException {
        ended = true;
        requests.wake();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the preempt channel was ended", e);
        }
    }

    @Override
    public void close() throws IOException {
        ended = true;
        connection.close(); // wakes a write under way
        stop();
    }
}
