package dev.godwit.operations;

import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsCredentials;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What to receive, and where.
 *
 * @param file the snapshot's name; what is there already is replaced when the new one is whole
 * @param listen where the source connects to
 * @param multifdChannels how many channels the source opens besides the main one, as its parameter
 *     {@code multifd-channels}; 0 where it has no multifd
 * @param multifdMethod the source's {@code multifd-compression}
 * @param switchoverAck whether the source has the capability {@code switchover-ack} on
 * @param tls credentials of a server, where the source has {@code tls-creds} set
 */
public record ReceiveOptions(
        Path file,
        MigrationUri listen,
        int multifdChannels,
        MultifdMethod multifdMethod,
        boolean switchoverAck,
        Optional<TlsCredentials> tls) {

    /** The same without TLS. */
    public ReceiveOptions(
            Path file, MigrationUri listen, int multifdChannels, MultifdMethod multifdMethod, boolean switchoverAck) {
        this(file, listen, multifdChannels, multifdMethod, switchoverAck, Optional.empty());
    }

    /**
     * Checks the number of channels, and that the URI can carry them.
     *
     * @throws IllegalArgumentException if they do not go together
     */
    public ReceiveOptions {
        if (multifdChannels < 0 || multifdChannels > 255) {
            throw new IllegalArgumentException("multifd channels are 1 to 255, or 0 for none: " + multifdChannels);
        }
        boolean severalChannels = listen instanceof MigrationUri.Tcp || listen instanceof MigrationUri.Unix;
        if (multifdChannels > 0 && !severalChannels) {
            throw new IllegalArgumentException(
                    "multifd needs several connections, and " + listen + " has one; use tcp or unix");
        }
    }
}
