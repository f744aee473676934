package dev.godwit.engine.postcopy;

/** Asks the source of a postcopy for pages: a port. Any thread. */
@FunctionalInterface
public interface PageRequester {

    /** Asks nobody: there is no connection. */
    PageRequester NOBODY = (blockIndex, offsetBytes, lengthBytes) -> {};

    /**
     * Asks for a host page. A request that cannot be sent breaks the connection, so that whoever reads it learns of it;
     * it is sent again when the source is back.
     *
     * @param blockIndex in the machine's layout
     */
    void request(int blockIndex, long offsetBytes, long lengthBytes);
}
