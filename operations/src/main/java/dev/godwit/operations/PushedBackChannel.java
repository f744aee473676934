package dev.godwit.operations;

import dev.godwit.transport.MigrationChannel;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A channel whose first bytes were read to find out its kind, and are read again. */
final class PushedBackChannel implements MigrationChannel {

    private final ByteBuffer first;
    private final MigrationChannel channel;

    PushedBackChannel(ByteBuffer first, MigrationChannel channel) {
        this.first = first;
        this.channel = channel;
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        if (!first.hasRemaining()) {
            return channel.read(target);
        }
        int bytes = Math.min(first.remaining(), target.remaining());
        target.put(first.slice().limit(bytes));
        first.position(first.position() + bytes);
        return bytes;
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
        return first.hasRemaining()
                ? MigrationChannel.super.read(targets, offset, length)
                : channel.read(targets, offset, length);
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
    public String remote() {
        return channel.remote();
    }

    @Override
    public void roomToSend(int bytes) throws IOException {
        channel.roomToSend(bytes);
    }

    @Override
    public boolean isDuplex() {
        return channel.isDuplex();
    }

    @Override
    public void shutdownInput() throws IOException {
        channel.shutdownInput();
    }

    @Override
    public void shutdownOutput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void hangUp() throws IOException {
        channel.hangUp();
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
