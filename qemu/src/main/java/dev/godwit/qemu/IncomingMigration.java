package dev.godwit.qemu;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSink;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Receives a precopy or background-snapshot stream: pages go to a {@link RamSink}, everything else comes back as a
 * {@link VmState}. The settings are made first, then {@link #into} does the work once.
 *
 * <p>With a return path the source's PINGs are answered; whether all is well ({@link ReturnPath#shut}) is said by the
 * caller, when what was received is safe. Postcopy, COLO and RAM that is shared and not sent are refused by name.
 */
public final class IncomingMigration {

    private final ReadableByteChannel channel;
    private long positionBytes;
    private @Nullable ReturnPath returnPath;
    private boolean switchoverAck;
    private @Nullable MultifdSync multifd;
    private MultifdSync.Mode multifdMode = MultifdSync.Mode.AS_START_SHOWS;
    private Set<String> hugePageBlocks = Set.of();
    private Progress progress = Progress.NONE;
    private boolean returnPathOpened;

    private IncomingMigration(ReadableByteChannel channel) {
        this.channel = channel;
    }

    /**
     * {@return a migration that comes from a channel}
     *
     * @param channel at the stream's header, in blocking mode; not closed here
     */
    public static IncomingMigration from(ReadableByteChannel channel) {
        return new IncomingMigration(channel);
    }

    /** Sets the position that the stream's first byte has in its file, for errors. */
    public IncomingMigration at(long positionBytes) {
        this.positionBytes = positionBytes;
        return this;
    }

    /**
     * Answers the source. The channel is then taken for one that stays open behind the stream; without this it has to
     * end there, and what a recorded stream says about a return path is passed over.
     */
    public IncomingMigration returnPath(ReturnPath path) {
        this.returnPath = path;
        return this;
    }

    /** Sends SWITCHOVER_ACK as soon as the return path is open: for a source that has {@code switchover-ack} on. */
    public IncomingMigration switchoverAck() {
        this.switchoverAck = true;
        return this;
    }

    /** Keeps multifd channels in step with the main stream, as its START section shows that the source does it. */
    public IncomingMigration multifd(MultifdSync sync) {
        return multifd(sync, MultifdSync.Mode.AS_START_SHOWS);
    }

    /** Keeps multifd channels in step with the main stream. Without them a stream that needs them is refused. */
    public IncomingMigration multifd(MultifdSync sync, MultifdSync.Mode mode) {
        this.multifd = sync;
        this.multifdMode = mode;
        return this;
    }

    /** Names the blocks that huge pages back at the source, which has to be known where postcopy-ram is on. */
    public IncomingMigration hugePageBlocks(Set<String> ids) {
        this.hugePageBlocks = Set.copyOf(ids);
        return this;
    }

    /** Sets who hears how far it is. */
    public IncomingMigration progress(Progress listener) {
        this.progress = listener;
        return this;
    }

    /** {@return whether the source has opened the return path, and so waits for the last word; after {@link #into}} */
    public boolean returnPathOpened() {
        return returnPathOpened;
    }

    /**
     * Receives the stream to its end.
     *
     * @param sink takes the pages; begun by this call
     * @return everything but the pages
     * @throws dev.godwit.engine.StreamFormatException if the stream is damaged, cut off, or not supported; the sink
     *     holds an unknown part
     * @throws IOException if the channel, the return path, a multifd channel or the sink fails; likewise
     */
    public VmState into(RamSink sink) throws IOException {
        ByteInput input = new ByteInput(channel, positionBytes);
        StreamOptions options =
                (returnPath == null ? StreamOptions.ENDS : StreamOptions.STAYS_OPEN).withHugePageBlocks(hugePageBlocks);
        try (IncomingPages pages = new IncomingPages(input, sink, multifd, multifdMode, progress)) {
            IncomingElements elements = new IncomingElements(input, pages, returnPath, switchoverAck);
            new StreamReader(input, options, elements).read();
            returnPathOpened = elements.returnPathOpened();
            return elements.finish();
        }
    }
}
