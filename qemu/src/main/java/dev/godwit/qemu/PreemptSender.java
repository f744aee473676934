package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageRequests;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.Optional;

/**
 * Answers requests on the preempt channel, so that no page that is asked for waits behind one that is pushed. They are
 * answered by the very thread that reads them: handing them to another would cost a vCPU that waits the time in which a
 * thread wakes. Whoever serves holds this monitor. What ends it early is told to the answers, on which the main
 * channel's thread keeps an eye.
 */
final class PreemptSender implements AutoCloseable {

    private final PostcopyPush push;
    private final PageRequests requests;
    private final PostcopyAnswers answers;
    private final PostcopyChannel channel;
    private final WritableByteChannel connection;
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
        answers.serveRequestsBy(this::serve);
        serve(); // what was asked for before
    }

    private void serve() {
        try {
            serveAll();
        } catch (UnreadablePageException e) {
            answers.fail(e);
        } catch (IOException e) {
            answers.lose(e);
        } catch (RuntimeException e) {
            answers.fail(new IOException("serving requests failed: " + e, e));
        }
    }

    private synchronized void serveAll() throws IOException {
        while (!ended) {
            Optional<PageRequests.Request> request = requests.poll();
            if (request.isEmpty()) {
                return;
            }
            push.serve(request.get(), channel);
        }
    }

    /** Waits until what has been asked for so far is sent. */
    void drain() throws IOException {
        serveAll();
    }

    /** Says on the channel that no more comes. */
    void finish() throws IOException {
        synchronized (this) {
            ended = true;
            channel.end();
        }
    }

    @Override
    public void close() throws IOException {
        ended = true;
        connection.close(); // wakes a write under way
        synchronized (this) { // whoever served has left then
            answers.serveRequestsBy(() -> {});
        }
    }
}
