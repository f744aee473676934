package dev.godwit.qemu.multifd;

import dev.godwit.qemu.PageRoute;
import dev.godwit.ram.GuestMemory;
import java.io.IOException;
import java.nio.channels.GatheringByteChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The multifd channels of an outgoing migration: pages are gathered into packets, and each channel's thread finds zero
 * pages, compresses and sends them (qemu-migration specification section 4).
 *
 * <p>Order of calls, all by the thread of the main stream: {@link #pages} any number of times, {@link #sync} where a
 * round ends, {@link #finish} when nothing more comes; {@link #close} in any case, by any thread. Pages are read some
 * time after {@link #pages} returns and before {@link #finish} does; within a round a page is given once.
 */
public final class MultifdSender implements PageRoute {

    private static final Duration LONGEST_WAIT_FOR_A_THREAD = Duration.ofSeconds(10);

    private final List<GatheringByteChannel> connections;
    private final List<Thread> threads = new ArrayList<>();
    private final SendQueue queue;
    private final SentPages sent = new SentPages();
    private @Nullable PageBatch filling;

    /**
     * How the channels send.
     *
     * @param method how pages are compressed
     * @param level of the method: 0 to 9 for zlib, 0 to 20 for zstd; not looked at without compression
     * @param findZeroPages whether pages are searched for zeros and then only listed (parameter
     *     {@code zero-page-detection} {@code multifd}); otherwise every page is sent as it is
     * @param uuid of the machine, all zero where it has none
     */
    public record Settings(MultifdMethod method, int level, boolean findZeroPages, UUID uuid) {}

    /**
     * Starts to send: each channel begins with its init packet.
     *
     * @param settings how
     * @param connections one for each channel, in blocking mode; they belong to the sender from now on
     * @param memory the guest's, which stays mapped until {@link #close} has returned
     * @param whenFailed told once, by the thread of the first channel that fails, why: closes the main connection, so
     *     that nobody waits for what cannot go on
     */
    public MultifdSender(
            Settings settings,
            List<? extends GatheringByteChannel> connections,
            GuestMemory memory,
            Consumer<IOException> whenFailed) {
        if (connections.isEmpty() || connections.size() > 255) {
            throw new IllegalArgumentException("multifd channels are 1 to 255: " + connections.size());
        }
        this.connections = List.copyOf(connections);
        this.queue = new SendQueue(connections.size());
        for (int id = 0; id < connections.size(); id++) {
            SendChannel channel = new SendChannel(settings, id, connections.get(id), queue, memory, sent);
            threads.add(
                    Thread.ofPlatform().name("multifd-send-" + id).daemon(true).start(() -> run(channel, whenFailed)));
        }
    }

    private void run(SendChannel channel, Consumer<IOException> whenFailed) {
        IOException failure;
        try {
            channel.run();
            return;
        } catch (IOException e) {
            failure = e;
        } catch (RuntimeException | Error e) {
            failure = new IOException("a multifd channel cannot go on: " + e, e);
        }
        if (queue.fail(failure)) {
            whenFailed.accept(failure);
        }
    }

    /**
     * Gives pages to the channels; waits while they have enough to do.
     *
     * @throws IOException if a channel has failed
     */
    @Override
    public void pages(int blockIndex, long firstPage, long pages) throws IOException {
        for (long page = firstPage; page < firstPage + pages; page++) {
            PageBatch batch = filling;
            if (batch == null || !batch.takes(blockIndex)) {
                flush();
                batch = queue.emptyBatch();
                filling = batch;
            }
            batch.add(blockIndex, page);
        }
    }

    private void flush() throws IOException {
        PageBatch batch = filling;
        if (batch != null) {
            filling = null;
            queue.put(batch);
        }
    }

    /**
     * Ends a round: what was given before arrives before what is given after, on whichever channel. The main stream's
     * marker follows this call.
     *
     * @throws IOException if a channel has failed
     */
    @Override
    public void sync() throws IOException {
        flush();
        queue.sync();
    }

    /**
     * Waits until everything is sent. The connections stay open.
     *
     * @throws IOException if a channel has failed; not all is sent
     */
    @Override
    public void finish() throws IOException {
        flush();
        queue.end();
    }

    /** {@return how many bytes the channels have sent} */
    @Override
    public long sentBytes() {
        return sent.bytes();
    }

    /** {@return how many pages were sent with their content} */
    @Override
    public long normalPages() {
        return sent.normalPages();
    }

    /** {@return how many pages were found to be zero} */
    @Override
    public long zeroPages() {
        return sent.zeroPages();
    }

    /** Closes the connections and waits for the threads; what was not sent is lost unless {@link #finish} returned. */
    @Override
    public void close() throws IOException {
        IOException failure = closeConnections();
        join();
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void abort() {
        closeConnections();
    }

    /** {@return what failed, or null} */
    private @Nullable IOException closeConnections() {
        queue.fail(new IOException("the multifd channels are closed"));
        IOException failure = null;
        for (GatheringByteChannel connection : connections) {
            try {
                connection.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        return failure;
    }

    private void join() {
        try {
            for (Thread thread : threads) {
                if (!thread.equals(Thread.currentThread()) && !thread.join(LONGEST_WAIT_FOR_A_THREAD)) {
                    throw new IllegalStateException(thread.getName() + " does not end, and may read guest memory");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
