package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A tcp or unix connection. */
final class SocketMigrationChannel implements MigrationChannel {

    private final SocketChannel socket;
    private final String remote;

    SocketMigrationChannel(SocketChannel socket, String remote) {
        this.socket = socket;
        this.remote = remote;
    }

    @Override
    public String remote() {
        return remote;
    }

    @Override
    public boolean isDuplex() {
        return true;
    }

    @Override
    public void shutdownInput() throws IOException {
        socket.shutdownInput();
    }

    @Override
    public void shutdownOutput() throws IOException {
        socket.shutdownOutput();
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        return socket.read(target);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        return socket.write(source);
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        return socket.write(sources, offset, length);
    }

    @Override
    public boolean isOpen() {
        return socket.isOpen();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    @Override
    public String toString() {
        return remote;
    }
}
