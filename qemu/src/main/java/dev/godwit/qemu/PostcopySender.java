package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PageRequests;
import dev.godwit.engine.postcopy.PostcopyWork;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;

/**
 * What is done over one connection of a postcopy, whatever the guest's pages come from. Owned by one thread, but for
 * the answers.
 */
final class PostcopySender {

    static final long ANSWER_TIMEOUT_MS = 60_000;

    private long answerTimeoutMs = ANSWER_TIMEOUT_MS;
    private boolean awaitsRun;
    private final PostcopyWork work;
    private final ByteOutput output;
    private final PostcopyFrame frame;
    private final PageRequests requests;
    private final PostcopyInFlight inFlight = new PostcopyInFlight();
    private final PostcopyAnswers answers;

    /**
     * A connection.
     *
     * @param output of the main channel
     * @param frame of the stream on it
     */
    PostcopySender(PostcopyWork work, ByteOutput output, PrecopyFrame frame) {
        this.work = work;
        this.output = output;
        this.frame = new PostcopyFrame(frame, work.claims());
        this.requests = new PageRequests(work.claims());
        this.answers = new PostcopyAnswers(work.claims(), requests, inFlight, work.listener());
    }

    /** Sets how long a destination may take for an answer. */
    PostcopySender answerTimeoutMs(long timeoutMs) {
        answerTimeoutMs = timeoutMs;
        return this;
    }

    /** Has nothing pushed while the guest is about to be started; what is asked for is sent. */
    PostcopySender awaitingRun() {
        awaitsRun = true;
        return this;
    }

    PostcopyFrame frame() {
        return frame;
    }

    PostcopyAnswers answers() {
        return answers;
    }

    /** Writes a command at once. */
    void command(Command command) throws IOException {
        frame.writer().command(command);
        output.flush();
    }

    /** Asks a destination that lost its source which pages it has, and takes those as claimed. */
    void askForReceived() throws IOException {
        PageClaims claims = work.claims();
        for (int block = 0; block < claims.layout().blocks().size(); block++) {
            command(new Command.ReceivedBitmap(claims.layout().block(block).id()));
            claims.received(block, answers.awaitBitmap(block, answerTimeoutMs));
        }
    }

    /** Has a destination that lost its source go on. */
    void goOn() throws IOException {
        command(new Command.PostcopyResume());
        answers.awaitResumed(answerTimeoutMs);
    }

    /** Sends all pages over the main channel, and returns when the destination has said that they are there. */
    void sendPages() throws IOException {
        PostcopyChannel main = PostcopyChannel.main(work, output, frame);
        new PostcopyPush(work, requests, answers, inFlight, awaitsRun).run(main, true);
        main.end();
        answers.awaitShut(answerTimeoutMs);
    }

    /**
     * Sends what is asked for over a channel of its own, and the rest over the main one.
     *
     * @param preempt is closed
     * @param endsWithEos whether the destination wants the end of the preempt channel to be said
     */
    void sendPages(WritableByteChannel preempt, boolean endsWithEos) throws IOException {
        PostcopyChannel main = PostcopyChannel.main(work, output, frame);
        PostcopyPush push = new PostcopyPush(work, requests, answers, inFlight, awaitsRun);
        try (PreemptSender sender =
                new PreemptSender(push, requests, answers, PostcopyChannel.preempt(work, preempt), preempt)) {
            push.run(main, false);
            // A destination with this channel does not end before all it has asked for is there, and cannot lose the
            // connection then: nothing may be left to ask for.
            push.pushZeros(main);
            sender.drain();
            main.end();
            if (endsWithEos) {
                sender.finish();
            }
            answers.awaitShut(answerTimeoutMs);
        }
    }
}
