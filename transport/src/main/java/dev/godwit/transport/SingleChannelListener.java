package dev.godwit.transport;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;

/** The incoming side of a URI that has exactly one channel: a file, a descriptor, a command. */
final class SingleChannelListener implements MigrationListener {

    interface Opening {
        MigrationChannel open() throws IOException;
    }

    private enum State {
        WAITING,
        TAKEN,
        CLOSED
    }

    private final MigrationUri uri;
    private final Opening opening;
    private State state = State.WAITING;

    SingleChannelListener(MigrationUri uri, Opening opening) {
        this.uri = uri;
        this.opening = opening;
    }

    static SingleChannelListener ofFile(MigrationUri.OfFile uri) {
        return new SingleChannelListener(uri, () -> {
            FileChannel file = FileChannel.open(uri.path(), StandardOpenOption.READ);
            file.position(uri.offsetBytes());
            return new PlainMigrationChannel(file, uri.toString());
        });
    }

    @Override
    public MigrationUri address() {
        return uri;
    }

    @Override
    public synchronized MigrationChannel accept() throws IOException {
        return switch (state) {
            case WAITING -> {
                state = State.TAKEN;
                try {
                    yield opening.open();
                } catch (IOException e) {
                    throw Addresses.explained(uri, e);
                }
            }
            case TAKEN -> throw new IOException(uri + ": has one channel only, and a second was asked for");
            case CLOSED -> throw new ClosedChannelException();
        };
    }

    @Override
    public synchronized void close() {
        state = State.CLOSED;
    }
}
