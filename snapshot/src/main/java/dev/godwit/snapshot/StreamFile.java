package dev.godwit.snapshot;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file that is written from its beginning to its end: beside its name, which it takes when it is whole and on the
 * disk. Behind a container's header it is written in place, and cut there again if it does not become whole.
 *
 * <p>Written by one thread; {@link #close} may be called from any, and ends a write under way with an exception.
 */
public final class StreamFile implements GatheringByteChannel {

    private final TargetFile target;
    private final FileChannel channel;

    private StreamFile(TargetFile target, FileChannel channel) {
        this.target = target;
        this.channel = channel;
    }

    /**
     * Begins a file.
     *
     * @param path its name; what is there stays until {@link #commit}
     * @param startBytes where the stream begins; what is before it stays, and the file is written in place unless it is
     *     0
     * @throws IOException if it cannot be written, or another Godwit is writing it
     */
    public static StreamFile create(Path path, long startBytes) throws IOException {
        TargetFile target = startBytes == 0 ? TargetFile.create(path) : TargetFile.inPlace(path, startBytes);
        try {
            FileChannel channel = FileChannel.open(target.temporary(), StandardOpenOption.WRITE);
            channel.position(startBytes);
            return new StreamFile(target, channel);
        } catch (IOException | RuntimeException e) {
            target.close();
            throw e;
        }
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        return channel.write(source);
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        return channel.write(sources, offset, length);
    }

    @Override
    public long write(ByteBuffer[] sources) throws IOException {
        return channel.write(sources);
    }

    /** Brings to the disk what was written, so that there is less to do for {@link #commit}. */
    public void sync() throws IOException {
        channel.force(false);
    }

    /**
     * The last byte was written: the file is brought to the disk and takes its name.
     *
     * @throws IOException if it cannot be, or was closed
     */
    public void commit() throws IOException {
        target.commit(false);
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    /** Closes the file; without {@link #commit} before, nothing of it stays. Waits for one that is under way. */
    @Override
    public void close() throws IOException {
        try (target) {
            channel.close();
        }
    }
}
