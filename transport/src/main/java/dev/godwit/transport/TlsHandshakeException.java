package dev.godwit.transport;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A TLS session that did not come about; nothing of the migration has gone over the connection. */
public final class TlsHandshakeException extends IOException {

    private static final long serialVersionUID = 1L;

    private final boolean peerWasSilent;

    /**
     * A failure.
     *
     * @param peerWasSilent whether the other side hung up, or let the time pass, without one byte
     */
    TlsHandshakeException(String message, boolean peerWasSilent, @Nullable Throwable cause) {
        super(message, cause);
        this.peerWasSilent = peerWasSilent;
    }

    /**
     * {@return whether the other side hung up, or let the time pass, without one byte} Whoever looks whether a port is
     * open does so.
     */
    public boolean peerWasSilent() {
        return peerWasSilent;
    }
}
