package dev.godwit.qemu.multifd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** A channel whose first bytes have been read already: they come again, then the rest. */
final class ResumedChannel implements ReadableByteChannel {

    private final ByteBuffer received;
    private final ReadableByteChannel rest;

    ResumedChannel(ByteBuffer received, ReadableByteChannel rest) {
        this.received = received.slice();
        this.rest = rest;
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        if (!received.hasRemaining()) {
            return rest.read(target);
        }
        int length = Math.min(received.remaining(), target.remaining());
        target.put(received.slice(received.position(), length));
        received.position(received.position() + length);
        return length;
    }

    @Override
    public boolean isOpen() {
        return rest.isOpen();
    }

    @Override
    public void close() throws IOException {
        rest.close();
    }
}
