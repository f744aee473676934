package dev.godwit.operations;

import dev.godwit.qmp.QmpAddress;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What to restore, and into what.
 *
 * @param file a snapshot of any format that Godwit reads
 * @param destination the QEMU that takes the guest
 * @param maxBandwidthBytesPerSecond the limit, 0 for none
 * @param mapped whether QEMU has the snapshot as its RAM, so that only the rest is sent ({@link MappedArguments})
 * @param verify whether all of the file is verified first
 */
public record RestoreOptions(
        Path file, Destination destination, long maxBandwidthBytesPerSecond, boolean mapped, boolean verify) {

    /** A QEMU that waits for a guest. */
    public sealed interface Destination {
        /**
         * One that listens already ({@code -incoming URI}).
         *
         * @param uri where
         * @param tls how, where it has {@code tls-creds} set
         */
        record Listening(MigrationUri uri, Optional<TlsClient> tls) implements Destination {
            /** One without TLS. */
            public Listening(MigrationUri uri) {
                this(uri, Optional.empty());
            }
        }

        /**
         * One that was started with {@code -incoming defer} and is told where to listen.
         *
         * @param qmp its control socket
         */
        record Deferred(QmpAddress qmp) implements Destination {}
    }

    /**
     * Checks the bandwidth.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public RestoreOptions {
        if (maxBandwidthBytesPerSecond < 0) {
            throw new IllegalArgumentException("a bandwidth is not negative: " + maxBandwidthBytesPerSecond);
        }
    }

    /** All of RAM is sent, and each page verified as it is. */
    public RestoreOptions(Path file, Destination destination, long maxBandwidthBytesPerSecond) {
        this(file, destination, maxBandwidthBytesPerSecond, false, false);
    }

    /** {@return options of a mapped restore} */
    public static RestoreOptions mapped(Path file, Destination destination, boolean verify) {
        return new RestoreOptions(file, destination, 0, true, verify);
    }
}
