package dev.godwit.qemu.multifd;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.MultifdSync;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * The multifd channels of an incoming migration: each is read by a thread of its own into a lane of its own, and all
 * meet the main stream at its sync markers (qemu-migration specification section 4).
 *
 * <p>Order of calls: {@link #accept} for each connection as it comes, at any time; {@link #begin} and {@link #sync} by
 * the reader of the main stream; {@link #finish} when the main stream has ended well; {@link #close} in any case. A
 * channel that fails makes every wait here fail, and calls {@code whenFailed} once.
 */
public final class MultifdReceiver implements MultifdSync, AutoCloseable {

    private static final Duration LONGEST_WAIT_FOR_A_THREAD = Duration.ofSeconds(10);

    private final int channels;
    private final MultifdMethod method;
    private final RamSink sink;
    private final Consumer<IOException> whenFailed;
    private final Progress progress;
    private final MultifdBarrier barrier;
    private final List<ReadableByteChannel> connections = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private boolean closed;

    /**
     * A receiver without a connection yet.
     *
     * @param channels how many channels there are besides the main one, 1 to 255
     * @param method how the source compresses pages
     * @param sink takes the pages; {@link RamSink#begin} is called before {@link #begin}
     * @param whenFailed told by the thread of the first channel that fails, why: closes the main connection, so that
     *     nobody waits for what cannot come
     */
    public MultifdReceiver(int channels, MultifdMethod method, RamSink sink, Consumer<IOException> whenFailed) {
        this(channels, method, sink, whenFailed, Progress.NONE);
    }

    /**
     * The same, telling how many bytes of memory the channels have brought.
     *
     * @param progress is advanced by every packet's pages; the phase is begun by the reader of the main stream
     */
    public MultifdReceiver(
            int channels, MultifdMethod method, RamSink sink, Consumer<IOException> whenFailed, Progress progress) {
        if (channels < 1 || channels > 255) {
            throw new IllegalArgumentException("multifd channels are 1 to 255: " + channels);
        }
        this.channels = channels;
        this.method = method;
        this.sink = sink;
        this.whenFailed = whenFailed;
        this.progress = progress;
        this.barrier = new MultifdBarrier(channels);
    }

    /**
     * Takes a connection and starts to read it; it is closed by {@link #close}.
     *
     * @param connection from its first byte on
     * @throws IOException if there are as many as there should be already, or the receiver is closed; the connection is
     *     closed then
     */
    public synchronized void accept(ReadableByteChannel connection) throws IOException {
        if (closed || connections.size() == channels) {
            connection.close();
            throw new StreamFormatException(
                    0, "multifd channel", channels + " channels", closed ? "one after the end" : "one more");
        }
        connections.add(connection);
        MultifdChannel channel = new MultifdChannel(connection, method, sink, barrier, progress);
        threads.add(Thread.ofPlatform()
                .name("multifd-new-" + connections.size())
                .daemon(true)
                .start(() -> run(channel)));
    }

    private void run(MultifdChannel channel) {
        IOException failure;
        try {
            channel.run();
            return;
        } catch (IOException e) {
            failure = e;
        } catch (RuntimeException | Error e) {
            failure = new IOException("a multifd channel cannot go on: " + e, e);
        }
        if (barrier.fail(failure)) {
            whenFailed.accept(failure);
        }
    }

    /**
     * Requires that the channels are of the machine that the main stream names; without this call they only have to be
     * of one machine.
     *
     * @throws IOException if a channel has come that is not
     */
    public void requireUuid(UUID uuid) throws IOException {
        barrier.requireUuid(uuid, 0);
    }

    @Override
    public void begin(RamLayout layout) throws IOException {
        barrier.begin(layout);
    }

    @Override
    public void sync() throws IOException {
        barrier.sync();
    }

    /**
     * Ends the taking of pages: none is handed to the sink once this has returned or thrown. The connections stay open.
     *
     * @throws IOException if a channel has failed, or brought pages after its last SYNC; RAM is not complete
     */
    public void finish() throws IOException {
        barrier.finish();
    }

    /** Closes the connections, wakes everybody who waits, and waits for the threads to end. */
    @Override
    public void close() throws IOException {
        barrier.close();
        IOException failure = null;
        List<Thread> running;
        synchronized (this) {
            closed = true;
            running = List.copyOf(threads);
            for (ReadableByteChannel connection : connections) {
                try {
                    connection.close();
                } catch (IOException e) {
                    failure = e;
                }
            }
        }
        join(running);
        if (failure != null) {
            throw failure;
        }
    }

    /** A thread whose connection is closed ends soon; one that does not can bring no pages any more either. */
    private static void join(List<Thread> threads) {
        try {
            for (Thread thread : threads) {
                if (!thread.equals(Thread.currentThread())) {
                    thread.join(LONGEST_WAIT_FOR_A_THREAD);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
