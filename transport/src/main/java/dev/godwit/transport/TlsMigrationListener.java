package dev.godwit.transport;

import java.io.IOException;

/** Puts every connection of another listener inside TLS. */
final class TlsMigrationListener implements MigrationListener {

    private final MigrationListener listener;
    private final TlsServer tls;

    TlsMigrationListener(MigrationListener listener, TlsServer tls) {
        this.listener = listener;
        this.tls = tls;
    }

    @Override
    public MigrationUri address() {
        return listener.address();
    }

    @Override
    public MigrationChannel accept() throws IOException {
        return TlsMigrationChannel.server(listener.accept(), tls);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }
}
