package dev.godwit.transport;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** Listens at a tcp or unix address. */
final class SocketMigrationListener implements MigrationListener {

    /** More than QEMU opens at once: multifd allows 255 channels, and there is one main and one preempt channel. */
    static final int BACKLOG = 260;

    interface Cleanup {
        void run() throws IOException;
    }

    private final ServerSocketChannel server;
    private final MigrationUri address;
    private final Cleanup cleanup;

    SocketMigrationListener(ServerSocketChannel server, MigrationUri address, Cleanup cleanup) {
        this.server = server;
        this.address = address;
        this.cleanup = cleanup;
    }

    static SocketMigrationListener open(MigrationUri.Tcp uri) throws IOException {
        InetSocketAddress wanted = Addresses.of(uri);
        ServerSocketChannel server = ServerSocketChannel.open();
        try {
            server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            server.bind(wanted, BACKLOG);
            InetSocketAddress bound = (InetSocketAddress) server.getLocalAddress();
            String host = uri.host().isEmpty() ? bound.getAddress().getHostAddress() : uri.host();
            return new SocketMigrationListener(server, new MigrationUri.Tcp(host, bound.getPort()), () -> {});
        } catch (IOException | RuntimeException e) {
            server.close();
            throw e;
        }
    }

    @Override
    public MigrationUri address() {
        return address;
    }

    @Override
    public MigrationChannel accept() throws IOException {
        SocketChannel socket = server.accept();
        try {
            if (address instanceof MigrationUri.Tcp) {
                socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
            }
            return new PlainMigrationChannel(socket, Addresses.text(socket.getRemoteAddress(), address));
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        try (server) {
            if (server.isOpen()) {
                cleanup.run();
            }
        }
    }
}
