package dev.godwit.operations.machine;

import dev.godwit.engine.precopy.IncomingStream;
import dev.godwit.operations.IncomingConnections;
import java.io.IOException;

/** A machine's stream with the connections that bring it: where another one failed first, that is what is told. */
final class ConnectedStream implements IncomingStream {

    private final IncomingStream main;
    private final IncomingConnections connections;

    ConnectedStream(IncomingStream main, IncomingConnections connections) {
        this.main = main;
        this.connections = connections;
    }

    @Override
    public Arrived receive() throws IOException {
        return connections.explaining(main::receive);
    }

    @Override
    public void confirm() throws IOException {
        main.confirm();
    }

    @Override
    public void refuse() {
        main.refuse();
        connections.hangUp();
    }

    @Override
    public void abort() {
        main.abort();
    }

    @Override
    public void close() throws IOException {
        main.close();
    }
}
