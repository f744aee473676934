package dev.godwit.qemu;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;

/** A connection that breaks: after so many bytes in one direction it is closed. Counts what passes. */
final class CutChannel implements ByteChannel {

    private final ByteChannel channel;
    private final long mostWrittenBytes;
    private final long mostReadBytes;
    private long writtenBytes;
    private long readBytes;

    CutChannel(ByteChannel channel, long mostWrittenBytes, long mostReadBytes) {
        this.channel = channel;
        this.mostWrittenBytes = mostWrittenBytes;
        this.mostReadBytes = mostReadBytes;
    }

    long writtenBytes() {
        return writtenBytes;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        long leftBytes = mostWrittenBytes - writtenBytes;
        int limit = source.limit();
        int wantedBytes = source.remaining();
        if (leftBytes < wantedBytes) {
            source.limit(source.position() + (int) leftBytes);
        }
        while (source.hasRemaining()) {
            writtenBytes += channel.write(source);
        }
        source.limit(limit);
        if (leftBytes < wantedBytes) {
            channel.close();
            throw new IOException("cut after " + writtenBytes + " written bytes");
        }
        return wantedBytes;
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        if (readBytes == mostReadBytes) {
            channel.read(ByteBuffer.allocate(1)); // it was on its way, and got lost
            return -1;
        }
        int limit = target.limit();
        target.limit((int) Math.min(limit, target.position() + mostReadBytes - readBytes));
        int read = channel.read(target);
        target.limit(limit);
        readBytes += Math.max(0, read);
        return read;
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
