package dev.godwit.operations.machine;

import dev.godwit.engine.RamSink;
import dev.godwit.engine.precopy.IncomingStream;
import dev.godwit.operations.IncomingConnections;
import dev.godwit.qemu.ReceivedPages;
import java.io.IOException;

/** A machine's stream with the connections that bring it: multifd channels write to one sink with the main one. */
final class ConnectedStream implements IncomingStream {

    private final IncomingStream main;
    private final IncomingConnections connections;
    private final ReceivedPages pages;

    ConnectedStream(IncomingStream main, IncomingConnections connections, ReceivedPages pages) {
        this.main = main;
        this.connections = connections;
        this.pages = pages;
    }

    /** Pages go to the sink that the connections were made with, which is the machine's too. */
    @Override
    public Arrived receive(RamSink sink) throws IOException {
        Arrived arrived = connections.explaining(() -> main.receive(pages));
        connections.finish();
        return arrived;
    }

    @Override
    public void confirm() throws IOException {
        main.confirm();
    }

    @Override
    public void refuse() {
        main.refuse();
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
