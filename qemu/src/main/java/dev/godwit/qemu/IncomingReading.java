package dev.godwit.qemu;

import java.io.IOException;

/**
 * An incoming stream while it is read.
 *
 * @param reader of the stream
 * @param elements hear what is not pages
 * @param pages hear the pages
 * @param received knows which pages came
 * @param returnPathOpened is told whether the source has opened the return path, however the reading ends
 */
record IncomingReading(
        StreamReader reader,
        IncomingElements elements,
        IncomingPages pages,
        ReceivedPages received,
        Opened returnPathOpened)
        implements AutoCloseable {

    /** Hears whether the return path is open. */
    interface Opened {
        void is(boolean open);
    }

    void toEnd() throws IOException {
        try {
            reader.read();
        } finally {
            returnPathOpened.is(elements.returnPathOpened());
        }
    }

    /** {@return whether the source goes over to postcopy; otherwise the stream was read to its end} */
    boolean toPackage() throws IOException {
        try {
            return reader.readUntilPackaged();
        } finally {
            returnPathOpened.is(elements.returnPathOpened());
        }
    }

    @Override
    public void close() {
        pages.close();
    }
}
