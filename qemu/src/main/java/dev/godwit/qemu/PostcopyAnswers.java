package dev.godwit.qemu;

import dev.godwit.engine.postcopy.GuestReturnedException;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PageRequests;
import dev.godwit.engine.postcopy.PostcopyWork;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.ReadableByteChannel;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Hears what the destination of a postcopy says, on a platform thread (a virtual one is woken by way of another):
 * requests go to their queue, the rest is kept for whoever waits for it. Everything is checked against the guest's
 * blocks before it is used.
 */
final class PostcopyAnswers {

    /** The PING in the package, just before the guest runs. */
    static final int PING_BEFORE_RUN = 3;

    /** The PING before the package, when there is nothing else on its way, and the one behind it. */
    static final int PING_BEFORE_PACKAGE = 2;

    static final int PING_AFTER_PACKAGE = 4;

    /** How long a destination has to say why its connection broke. */
    private static final long REASON_WAIT_MS = 1000;

    private final PageClaims claims;
    private final PageRequests requests;
    private final PostcopyInFlight inFlight;
    private final PostcopyWork.Listener listener;

    private int requestedBlock = -1;
    private volatile Runnable server = () -> {};
    private boolean alive;
    private boolean resumed;
    private boolean mayRun;
    private int shutStatus = -1;
    private final Map<Integer, PageBitmap> bitmaps = new HashMap<>();
    private @Nullable IOException lost;
    private @Nullable IOException failure;

    PostcopyAnswers(
            PageClaims claims, PageRequests requests, PostcopyInFlight inFlight, PostcopyWork.Listener listener) {
        this.claims = claims;
        this.requests = requests;
        this.inFlight = inFlight;
        this.listener = listener;
    }

    /** Begins to read; closing the channel ends it. */
    void hear(ReadableByteChannel channel) {
        Thread.ofPlatform().daemon().name("return-path").start(() -> {
            try {
                ByteInput input = new ByteInput(channel);
                while (!input.atEnd()) {
                    hear(input, ReturnPathMessages.read(input));
                }
                lose(new IOException("the destination hung up"));
            } catch (IOException e) {
                lose(e);
            } catch (RuntimeException e) {
                lose(new IOException("reading the destination's answers failed: " + e, e));
            }
        });
    }

    /** Has requests served on the thread that reads them, as soon as they are in their queue. */
    void serveRequestsBy(Runnable requestServer) {
        server = requestServer;
    }

    /** The guest may run at the destination: from its answer to the last PING before that, or all along. */
    synchronized void runsAlready() {
        mayRun = true;
    }

    /** {@return whether the guest may run there, by what was heard so far} */
    synchronized boolean mayRun() {
        return mayRun;
    }

    /** Hears one message, on the thread that reads them. */
    void hear(ByteInput input, ReturnPathMessage message) throws IOException {
        switch (message) {
            case ReturnPathMessage.RequestPagesOf(String block, long startBytes, int lengthBytes) -> {
                requestedBlock = claims.layout().indexOf(block);
                if (requestedBlock < 0) {
                    throw input.unexpected("a request for pages of a block that was sent", "block '" + block + "'");
                }
                request(input, startBytes, Integer.toUnsignedLong(lengthBytes));
            }
            case ReturnPathMessage.RequestPages(long startBytes, int lengthBytes) -> {
                if (requestedBlock < 0) {
                    throw input.unexpected("a first request that names its block", "one that does not");
                }
                request(input, startBytes, Integer.toUnsignedLong(lengthBytes));
            }
            case ReturnPathMessage.Pong(int value) -> pong(value);
            case ReturnPathMessage.ReceivedBitmap(String block, byte[] bits) -> bitmap(input, block, bits);
            case ReturnPathMessage.ResumeAck() -> {
                synchronized (this) {
                    resumed = true;
                    notifyAll();
                }
            }
            case ReturnPathMessage.Shut(int status) -> {
                synchronized (this) {
                    shutStatus = status;
                    notifyAll();
                }
                requests.wake();
            }
            case ReturnPathMessage.SwitchoverAck() -> throw input.unexpected("a message of postcopy", "SWITCHOVER_ACK");
        }
    }

    private void request(ByteInput input, long startBytes, long lengthBytes) throws IOException {
        RamLayout layout = claims.layout();
        long blockBytes = layout.block(requestedBlock).lengthBytes();
        if (startBytes < 0
                || startBytes >= blockBytes
                || lengthBytes < 1
                || lengthBytes > blockBytes - startBytes
                || startBytes % Page.SIZE_BYTES != 0
                || lengthBytes % Page.SIZE_BYTES != 0) {
            throw input.unexpected(
                    "a request for whole pages of block %s, which has %d bytes"
                            .formatted(layout.block(requestedBlock).id(), blockBytes),
                    "%d bytes at %s".formatted(lengthBytes, Long.toUnsignedString(startBytes)));
        }
        long nowNs = System.nanoTime();
        long hostPageBytes = claims.hostPageBytes(requestedBlock);
        long last = (startBytes + lengthBytes - 1) / hostPageBytes;
        for (long page = startBytes / hostPageBytes; page <= last; page++) {
            requests.add(new PagePlace(requestedBlock, page), nowNs);
        }
        server.run();
    }

    private void pong(int value) {
        inFlight.pong(value);
        synchronized (this) {
            alive = true;
            notifyAll();
        }
        if (value == PING_BEFORE_RUN) {
            runsAlready();
            listener.runs();
        }
        requests.wake();
    }

    private void bitmap(ByteInput input, String block, byte[] bits) throws IOException {
        int index = claims.layout().indexOf(block);
        if (index < 0) {
            throw input.unexpected("the bitmap of a block that was sent", "that of block '" + block + "'");
        }
        PageBitmap received = new PageBitmap(claims.layout().block(index).pages());
        if (bits.length != received.lengthBytes()) {
            throw input.unexpected(
                    "a bitmap of %d bytes for block %s".formatted(received.lengthBytes(), block),
                    "%d bytes: the destination's block is not as long as the snapshot's".formatted(bits.length));
        }
        if (!received.readFrom(MemorySegment.ofArray(bits))) {
            throw input.unexpected("a bitmap whose bits past the last page are clear", "one with such bits set");
        }
        synchronized (this) {
            bitmaps.put(index, received);
            notifyAll();
        }
    }

    /** Takes the connections for lost; the first cause counts. */
    void lose(IOException cause) {
        synchronized (this) {
            if (lost == null) {
                lost = cause;
            }
            notifyAll();
        }
        requests.wake();
    }

    /** Ends the migration for a reason that is not the connection's; the first counts. */
    void fail(IOException cause) {
        synchronized (this) {
            if (failure == null) {
                failure = cause;
            }
            notifyAll();
        }
        requests.wake();
    }

    /**
     * Looks whether the destination is still there.
     *
     * @throws UnreadablePageException if another thread could not read a page
     * @throws GuestReturnedException if it failed before it let the guest run
     * @throws IOException if it has hung up, failed, or said what nobody understands
     */
    synchronized void check() throws IOException {
        if (failure instanceof UnreadablePageException page) {
            throw page;
        }
        if (failure != null) {
            throw new IOException(failure.getMessage(), failure);
        }
        if (hasFailed()) {
            String said = "the destination failed (SHUT " + shutStatus + ")";
            throw mayRun ? new IOException(said) : new GuestReturnedException(said + " before it let the guest run");
        }
        if (lost != null && shutStatus != 0) {
            throw new IOException(lost.getMessage(), lost);
        }
    }

    private boolean hasFailed() {
        return shutStatus > 0 || shutStatus < -1;
    }

    /** {@return why the connection broke, as the destination says it, if it does} */
    synchronized IOException explained(IOException failure) {
        try {
            await(REASON_WAIT_MS, "why", () -> lost != null || shutStatus != -1);
            check();
        } catch (GuestReturnedException e) {
            e.addSuppressed(failure);
            return e;
        } catch (IOException _) {
            // it did not say more than is known
        }
        return failure;
    }

    /** Waits for the first sign of life. */
    void awaitAlive(long timeoutMs) throws IOException {
        await(timeoutMs, "an answer to the first PING", () -> alive);
    }

    /** Waits for the word that a recovery is done. */
    void awaitResumed(long timeoutMs) throws IOException {
        await(timeoutMs, "RESUME_ACK", () -> resumed);
    }

    /** Waits for the word that everything is there. */
    void awaitShut(long timeoutMs) throws IOException {
        await(timeoutMs, "its last word", () -> shutStatus == 0);
    }

    /** {@return which pages of a block have been received; waits for the destination's word on it} */
    synchronized PageBitmap awaitBitmap(int blockIndex, long timeoutMs) throws IOException {
        await(timeoutMs, "which pages it has", () -> bitmaps.containsKey(blockIndex));
        PageBitmap received = bitmaps.remove(blockIndex);
        if (received == null) {
            throw new AssertionError("awaited");
        }
        return received;
    }

    private synchronized void await(long timeoutMs, String what, BooleanSupplier done) throws IOException {
        long deadlineNs = System.nanoTime() + timeoutMs * 1_000_000;
        while (!done.getAsBoolean()) {
            check();
            long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                throw new IOException("the destination did not send " + what + " within " + timeoutMs / 1000 + " s");
            }
            try {
                wait(leftMs);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted while waiting for the destination");
            }
        }
    }
}
