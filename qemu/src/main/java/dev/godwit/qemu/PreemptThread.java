package dev.godwit.qemu;

import dev.godwit.engine.postcopy.DemandPagedSink;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.ReadableByteChannel;

/**
 * Reads the second connection of a postcopy ({@code postcopy-preempt}) on a platform thread, {@code preempt}. Its end
 * is nothing; an error breaks the migration's connections.
 */
final class PreemptThread {

    private final ReadableByteChannel channel;
    private final RamLayout layout;
    private final DemandPagedSink sink;
    private final Runnable breakOff;
    private final Thread thread =
            Thread.ofPlatform().name("preempt").daemon(true).unstarted(this::read);
    private volatile boolean over;

    /**
     * A connection that is not read yet.
     *
     * @param layout the blocks as the main connection said them
     * @param breakOff closes the connections
     */
    PreemptThread(ReadableByteChannel channel, RamLayout layout, DemandPagedSink sink, Runnable breakOff) {
        this.channel = channel;
        this.layout = layout;
        this.sink = sink;
        this.breakOff = breakOff;
    }

    void start() {
        thread.start();
    }

    private void read() {
        ByteInput input = new ByteInput(channel);
        try (IncomingPages pages = IncomingPages.ofFurtherChannel(input, sink)) {
            PreemptReader.read(input, layout, pages);
        } catch (IOException | RuntimeException | Error e) {
            if (!over) {
                System.getLogger("dev.godwit.qemu").log(Level.DEBUG, "The second connection of the postcopy failed", e);
                breakOff.run();
            }
        }
    }

    /** All pages are here: whatever becomes of the connection is of no importance. */
    void over() {
        over = true;
    }

    boolean isAlive() {
        return thread.isAlive();
    }

    /** Waits for its end, which whoever calls has brought about by closing the connection. */
    void join() {
        try {
            thread.join();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
