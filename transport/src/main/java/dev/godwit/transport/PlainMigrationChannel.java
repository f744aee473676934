package dev.godwit.transport;

import dev.godwit.linux.DescriptorStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/** A socket, a file, or something that looks like one: a pipe under {@code /proc/self/fd}. */
final class PlainMigrationChannel implements MigrationChannel {

    /**
     * Long for a thread that is woken, short for one that is refused. That the peer has heard it is no event that could
     * be awaited: its own end lies behind bytes that must not be read.
     */
    private static final Duration HANGING_UP = Duration.ofMillis(20);

    private final ByteChannel channel;
    private final String remote;

    PlainMigrationChannel(ByteChannel channel, String remote) {
        this.channel = channel;
        this.remote = remote;
    }

    @Override
    public String remote() {
        return remote;
    }

    @Override
    public boolean isDuplex() {
        return channel instanceof SocketChannel || channel instanceof DescriptorStream;
    }

    @Override
    public void shutdownInput() throws IOException {
        switch (channel) {
            case SocketChannel socket -> socket.shutdownInput();
            case DescriptorStream socket -> socket.shutdownInput();
            default -> {
                // a file: its end is known
            }
        }
    }

    @Override
    public void shutdownOutput() throws IOException {
        switch (channel) {
            case SocketChannel socket -> socket.shutdownOutput();
            case DescriptorStream socket -> socket.shutdownOutput();
            default -> {
                // a file: only closing it says so
            }
        }
    }

    @Override
    public void hangUp() throws IOException {
        try (channel) {
            if (isDuplex()) {
                shutdownOutput();
                Thread.sleep(HANGING_UP);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void roomToSend(int bytes) throws IOException {
        switch (channel) {
            case SocketChannel socket
            when isOfThisHost(socket.getRemoteAddress()) -> socket.setOption(StandardSocketOptions.SO_SNDBUF, bytes);
            case DescriptorStream socket when socket.isUnix() -> socket.sendBufferBytes(bytes);
            default -> {
                // TCP to elsewhere knows better; a file or a pipe has no such thing
            }
        }
    }

    private static boolean isOfThisHost(SocketAddress remote) {
        return remote instanceof UnixDomainSocketAddress
                || (remote instanceof InetSocketAddress tcp && tcp.getAddress().isLoopbackAddress());
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        return channel.read(target);
    }

    @Override
    public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
        return channel instanceof ScatteringByteChannel scattering
                ? scattering.read(targets, offset, length)
                : MigrationChannel.super.read(targets, offset, length);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        return channel.write(source);
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
        return channel instanceof GatheringByteChannel gathering
                ? gathering.write(sources, offset, length)
                : MigrationChannel.super.write(sources, offset, length);
    }

    @Override
    public boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }

    @Override
    public String toString() {
        return remote;
    }
}
