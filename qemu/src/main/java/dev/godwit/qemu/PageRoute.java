package dev.godwit.qemu;

import java.io.IOException;

/**
 * A way for the content of pages that is not the main channel: multifd. All calls come from the thread of the main
 * stream, but for {@link #abort} and the counters. Pages are read some time after {@link #pages} returns and before
 * {@link #finish} does; within a round a page is given once.
 */
public interface PageRoute extends AutoCloseable {

    /** Sends pages, whether they are zero or not. */
    void pages(int blockIndex, long firstPage, long pages) throws IOException;

    /** Ends a round: what was given before arrives before what is given after. The main stream's marker follows. */
    void sync() throws IOException;

    /** Waits until everything is sent. */
    void finish() throws IOException;

    /** {@return how many bytes were sent} From any thread. */
    long sentBytes();

    /** {@return how many pages were sent with their content} */
    long normalPages();

    /** {@return how many pages were found to be zero} */
    long zeroPages();

    /** Closes the connections, from any thread, and waits for nobody: whoever waits for the route is woken. */
    void abort();

    /** Closes the connections and frees the rest; what was not sent is lost unless {@link #finish} returned. */
    @Override
    void close() throws IOException;
}
