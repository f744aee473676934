package dev.godwit.transport;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Where a migration comes from or goes to, in QEMU's words: {@code tcp:HOST:PORT}, {@code unix:PATH}, {@code fd:N},
 * {@code exec:COMMAND}, {@code file:PATH[,offset=N]}. {@code toString} of each gives the text back.
 */
public sealed interface MigrationUri {

    /**
     * A TCP address.
     *
     * @param host a name or an address, an IPv6 one without its brackets; empty means loopback
     * @param port 0 to 65535; 0 lets a listener choose
     */
    record Tcp(String host, int port) implements MigrationUri {
        /**
         * Checks the values.
         *
         * @throws IllegalArgumentException if the port is out of range
         */
        public Tcp {
            if (port < 0 || port > 65535) {
                throw new IllegalArgumentException("a TCP port is 0 to 65535: port=" + port);
            }
        }

        @Override
        public String toString() {
            return "tcp:" + (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
        }
    }

    /**
     * A unix socket in the file system.
     *
     * @param path where it is
     */
    record Unix(Path path) implements MigrationUri {
        @Override
        public String toString() {
            return "unix:" + path;
        }
    }

    /**
     * A file descriptor that this process was started with.
     *
     * @param number 0 or more
     */
    record Fd(int number) implements MigrationUri {
        /**
         * Checks the value.
         *
         * @throws IllegalArgumentException if it is negative
         */
        public Fd {
            if (number < 0) {
                throw new IllegalArgumentException("a file descriptor is not negative: number=" + number);
            }
        }

        @Override
        public String toString() {
            return "fd:" + number;
        }
    }

    /**
     * A command whose standard input and output are the channel.
     *
     * @param command run by {@code /bin/sh -c}
     */
    record Exec(String command) implements MigrationUri {
        @Override
        public String toString() {
            return "exec:" + command;
        }
    }

    /**
     * A file, or what follows a foreign header in it.
     *
     * @param path where it is
     * @param offsetBytes where the stream starts, 0 or more
     */
    record OfFile(Path path, long offsetBytes) implements MigrationUri {
        /**
         * Checks the values.
         *
         * @throws IllegalArgumentException if the offset is negative
         */
        public OfFile {
            if (offsetBytes < 0) {
                throw new IllegalArgumentException("an offset is not negative: offsetBytes=" + offsetBytes);
            }
        }

        @Override
        public String toString() {
            return "file:" + path + (offsetBytes == 0 ? "" : ",offset=" + offsetBytes);
        }
    }

    /**
     * Opens the channel of an outgoing migration: connects, starts the command, or opens the file for writing (created
     * 0600, cut to the offset).
     *
     * @param timeout how long to wait for a tcp or unix connection, more than 0
     * @throws IOException if that fails; the message names the address and the reason, nothing is left open
     */
    default MigrationChannel connect(Duration timeout) throws IOException {
        return Connector.connect(this, timeout);
    }

    /**
     * The same inside TLS: connects and does the handshake, in which the destination is the server.
     *
     * @param timeout how long to wait for the connection; the handshake has half a minute of its own
     * @throws TlsHandshakeException if the two do not agree, or one does not accept the other's certificate
     * @throws IOException if there is no connection, it goes one way only, or names no host whose certificate the
     *     destination would have to have
     */
    default MigrationChannel connect(Duration timeout, TlsClient tls) throws IOException {
        Optional<String> name = tls.nameFor(this);
        TlsMigrationChannel channel = TlsMigrationChannel.client(connect(timeout), tls.credentials(), name);
        channel.handshake();
        return channel;
    }

    /**
     * {@return what a text stands for}
     *
     * @throws IllegalArgumentException if it is no migration URI or one that is not supported; the message says to a
     *     user what would be right
     */
    static MigrationUri parse(String text) {
        return MigrationUriParser.parse(text);
    }
}
