package dev.godwit.qemu;

import dev.godwit.engine.postcopy.PageRequester;
import dev.godwit.ram.RamLayout;
import java.io.IOException;

/**
 * Asks for pages on the return path of one connection, in the short form where the block is that of the request before
 * (qemu-migration specification section 3.4). Thread-safe.
 */
final class PageRequestWriter implements PageRequester {

    private static final int NO_BLOCK = -1;

    private final ReturnPath path;
    private final RamLayout layout;
    private final Runnable breakOff;
    private int lastBlock = NO_BLOCK;

    /**
     * Requests on one connection, which has heard of no block yet.
     *
     * @param layout the machine's
     * @param breakOff closes the connection; called where it cannot be written to
     */
    PageRequestWriter(ReturnPath path, RamLayout layout, Runnable breakOff) {
        this.path = path;
        this.layout = layout;
        this.breakOff = breakOff;
    }

    @Override
    public synchronized void request(int blockIndex, long offsetBytes, long lengthBytes) {
        try {
            path.send(
                    blockIndex == lastBlock
                            ? new ReturnPathMessage.RequestPages(offsetBytes, (int) lengthBytes)
                            : new ReturnPathMessage.RequestPagesOf(
                                    layout.block(blockIndex).id(), offsetBytes, (int) lengthBytes));
            lastBlock = blockIndex;
        } catch (IOException _) {
            breakOff.run(); // whoever reads the connection learns of it, and asks again over the next one
        }
    }
}
