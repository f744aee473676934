package dev.godwit.qmp;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;

/** Where a QMP socket is; its {@code toString} is what {@link #parse} takes. */
public sealed interface QmpAddress {

    /**
     * A unix socket.
     *
     * @param path its file
     */
    record Unix(Path path) implements QmpAddress {
        @Override
        public SocketChannel open(Duration timeout) throws IOException {
            if (!Files.exists(path)) {
                throw new NoSuchFileException("there is no socket " + path + "; is the QEMU running, with -qmp unix:"
                        + path + ",server=on,wait=off?");
            }
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                channel.connect(UnixDomainSocketAddress.of(path));
                return channel;
            } catch (IOException | IllegalArgumentException e) { // the latter for a path that is too long
                throw failed(this, channel, e);
            }
        }

        @Override
        public String toString() {
            return "unix:" + path;
        }
    }

    /**
     * A TCP port.
     *
     * @param host name or address, without brackets
     * @param port 1 to 65535
     */
    record Tcp(String host, int port) implements QmpAddress {
        /** Checks the port. */
        public Tcp {
            if (host.isEmpty() || port < 1 || port > 65535) {
                throw new IllegalArgumentException("no host and port of 1 to 65535: " + host + ":" + port);
            }
        }

        @Override
        public SocketChannel open(Duration timeout) throws IOException {
            InetSocketAddress address = new InetSocketAddress(host, port);
            if (address.isUnresolved()) {
                throw new UnknownHostException("there is no host of the name " + host);
            }
            SocketChannel channel = SocketChannel.open();
            int timeoutMs = Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE);
            try {
                channel.socket().connect(address, timeoutMs);
                return channel;
            } catch (IOException e) {
                throw failed(this, channel, e);
            }
        }

        @Override
        public String toString() {
            return "tcp:" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
        }
    }

    /**
     * Connects to it.
     *
     * @param timeout how long it may take
     * @throws IOException if that fails; the message says why, and what to look at
     */
    SocketChannel open(Duration timeout) throws IOException;

    /**
     * Reads {@code unix:PATH}, {@code tcp:HOST:PORT} (an IPv6 address in brackets), or just a path.
     *
     * @throws IllegalArgumentException if it is none of these; the message says what is expected
     */
    static QmpAddress parse(String text) {
        if (text.startsWith("unix:")) {
            return unix(text.substring("unix:".length()));
        }
        if (!text.startsWith("tcp:")) {
            return unix(text);
        }
        String hostAndPort = text.substring("tcp:".length());
        int colon = hostAndPort.lastIndexOf(':');
        try {
            String host = hostAndPort.substring(0, Math.max(colon, 0));
            boolean bracketed = host.startsWith("[") && host.endsWith("]");
            return new Tcp(
                    bracketed ? host.substring(1, host.length() - 1) : host,
                    Integer.parseInt(hostAndPort.substring(colon + 1)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "a QMP socket is unix:PATH, tcp:HOST:PORT or a path, and not '" + text + "'", e);
        }
    }

    private static QmpAddress unix(String path) {
        if (path.isEmpty()) {
            throw new IllegalArgumentException("a QMP socket is unix:PATH, tcp:HOST:PORT or a path, and not empty");
        }
        return new Unix(Path.of(path));
    }

    /** Closes a channel that could not be connected, and says with which address that was. */
    private static IOException failed(QmpAddress address, SocketChannel channel, Exception cause) throws IOException {
        channel.close();
        return new IOException("could not connect to QEMU at %s: %s".formatted(address, cause.getMessage()), cause);
    }
}
