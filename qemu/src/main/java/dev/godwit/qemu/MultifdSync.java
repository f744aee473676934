package dev.godwit.qemu;

import dev.godwit.engine.RamSink;
import dev.godwit.ram.RamLayout;
import java.io.IOException;

/**
 * The multifd channels as the main channel sees them (qemu-migration specification section 4.5). Called by the thread
 * that reads the main channel.
 */
public interface MultifdSync {

    /** No channels: a stream that asks for them is refused by {@link IncomingMigration}. */
    MultifdSync NONE = new MultifdSync() {
        @Override
        public void begin(RamLayout layout, RamSink sink) {}

        @Override
        public void sync() {}
    };

    /** When the channels are brought in step: not announced in the stream, follows from the machine type. */
    enum Mode {
        /** At every MULTIFD_FLUSH record: QEMU 8.1 and later with machine types of its own. */
        PER_ROUND,
        /** At the end of every RAM section: QEMU 7.2, and machine types up to 8.0. */
        PER_SECTION
    }

    /**
     * The block list is known and the sink has begun: pages of the channels can be taken from here on.
     *
     * @param layout the blocks
     * @param sink where pages go, one lane a channel
     */
    void begin(RamLayout layout, RamSink sink) throws IOException;

    /**
     * Waits until every channel has delivered its SYNC packet and handed its pages to the sink, then lets them go on.
     *
     * @throws IOException if a channel failed or ended; the migration has failed
     */
    void sync() throws IOException;
}
