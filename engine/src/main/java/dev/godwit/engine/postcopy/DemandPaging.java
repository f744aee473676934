package dev.godwit.engine.postcopy;

import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.io.IOException;

/**
 * The destination's side of postcopy, whatever the format: the order of its steps, the pages that are here, and who is
 * asked for those that are not.
 *
 * <pre>
 * none ──advise──► advised ──discard──► discarding ──listen──► listening ──run──► running ──end──► ended
 *                                        └─discard─┘
 * </pre>
 *
 * <p>The steps are made by one thread at a time. Faults, arrivals and connections may come on any.
 */
public final class DemandPaging implements PostcopyRam.FaultListener {

    /** The steps of qemu-migration specification section 9.2. */
    public enum Stage {
        /** Nothing was said of postcopy. */
        NONE,
        /** The source may go over to postcopy. */
        ADVISED,
        /** Pages are being forgotten that come again. */
        DISCARDING,
        /** Missing pages are asked for. */
        LISTENING,
        /** The guest may run. */
        RUNNING,
        /** Every page is here. */
        ENDED
    }

    private final PostcopyRam ram;
    private final PageArrivals arrivals;
    private volatile Stage stage = Stage.NONE;
    private volatile PageRequester requester = PageRequester.NOBODY;

    /** Memory that is ordinary still. */
    public DemandPaging(PostcopyRam ram) {
        this.ram = ram;
        this.arrivals = new PageArrivals(ram.memory());
    }

    /** {@return how far it is} */
    public Stage stage() {
        return stage;
    }

    /** {@return the memory} */
    public GuestMemory memory() {
        return ram.memory();
    }

    /** {@return which pages are here} */
    public PageArrivals arrivals() {
        return arrivals;
    }

    /**
     * The source may go over to postcopy: all memory is emptied.
     *
     * @param pageSizesBytes all page sizes of the source's blocks, or-ed
     * @param targetPageBytes the source's page
     * @throws IOException if this host cannot, or the page sizes are others here
     */
    public void advise(long pageSizesBytes, long targetPageBytes) throws IOException {
        require(Stage.NONE, "POSTCOPY_ADVISE");
        if (targetPageBytes != Page.SIZE_BYTES) {
            throw new IOException("POSTCOPY_ADVISE: expected target pages of %d bytes, found %d"
                    .formatted(Page.SIZE_BYTES, targetPageBytes));
        }
        long own = 0;
        for (long bytes : memory().hostPageBytes()) {
            own |= bytes;
        }
        if (pageSizesBytes != own && pageSizesBytes != (own | Page.SIZE_BYTES)) {
            throw new IOException(
                    "POSTCOPY_ADVISE: expected the page sizes of this machine's RAM, 0x%x, found 0x%x; postcopy needs"
                                    .formatted(own, pageSizesBytes)
                            + " RAM of the same pages on both sides");
        }
        if (!ram.refusals().isEmpty()) {
            throw new IOException("postcopy is not possible here: " + String.join("; ", ram.refusals()));
        }
        for (int block = 0; block < memory().blocks().size(); block++) {
            ram.discard(block, 0, memory().layout().block(block).lengthBytes());
        }
        stage = Stage.ADVISED;
    }

    /**
     * Forgets pages that come again.
     *
     * @throws IOException if they are not whole host pages of a block, or the kernel refuses
     */
    public void discard(int blockIndex, long offsetBytes, long lengthBytes) throws IOException {
        if (stage != Stage.DISCARDING) {
            require(Stage.ADVISED, "POSTCOPY_RAM_DISCARD");
            ram.forbidHugePages();
            stage = Stage.DISCARDING;
        }
        RamBlock block = memory().layout().block(blockIndex);
        long hostPageBytes = hostPageBytes(blockIndex);
        if (offsetBytes < 0
                || lengthBytes <= 0
                || offsetBytes > block.lengthBytes()
                || lengthBytes > block.lengthBytes() - offsetBytes
                || offsetBytes % hostPageBytes != 0
                || lengthBytes % hostPageBytes != 0) {
            throw new IOException("POSTCOPY_RAM_DISCARD: expected whole pages of %d bytes within the %d of %s, found"
                            .formatted(hostPageBytes, block.lengthBytes(), block.id())
                    + " %s bytes at %s"
                            .formatted(Long.toUnsignedString(lengthBytes), Long.toUnsignedString(offsetBytes)));
        }
        arrivals.discarded(blockIndex, offsetBytes, lengthBytes);
        ram.discard(blockIndex, offsetBytes, lengthBytes);
    }

    /**
     * From now on missing pages are asked for.
     *
     * @throws IOException if no page was forgotten, with which no source is right, or the kernel refuses
     */
    public void listen() throws IOException {
        require(Stage.DISCARDING, "POSTCOPY_LISTEN");
        ram.listen(this);
        stage = Stage.LISTENING;
    }

    /** The devices are loaded: the guest may run. */
    public void run() throws IOException {
        require(Stage.LISTENING, "POSTCOPY_RUN");
        stage = Stage.RUNNING;
    }

    private void require(Stage expected, String step) throws IOException {
        if (stage != expected) {
            throw new IOException("%s: expected it when postcopy is %s, found it %s".formatted(step, expected, stage));
        }
    }

    /** {@return whether pages have to be placed, because others may wait for them} */
    public boolean isListening() {
        return stage == Stage.LISTENING || stage == Stage.RUNNING;
    }

    /** There is somebody to be asked; what is waited for is asked for (again). */
    public void connected(PageRequester source) {
        requester = source;
        for (PagePlace place : arrivals.awaited()) {
            long bytes = hostPageBytes(place.blockIndex());
            source.request(place.blockIndex(), place.page() * bytes, bytes);
        }
    }

    /** There is nobody to be asked; who touches a missing page waits until there is. */
    public void disconnected() {
        requester = PageRequester.NOBODY;
    }

    @Override
    public void fault(int blockIndex, long offsetBytes, int threadId) {
        long bytes = hostPageBytes(blockIndex);
        long hostPage = offsetBytes / bytes;
        if (arrivals.await(blockIndex, hostPage, System.nanoTime())) {
            requester.request(blockIndex, offsetBytes, bytes);
        } else if (arrivals.isHere(blockIndex, hostPage)) {
            ram.wake(blockIndex, offsetBytes);
        }
    }

    /**
     * Places a host page that has come whole. One that came in this phase before is passed over: the guest may have
     * written to it since.
     *
     * @param sourceAddress its content, or 0 where it is zero
     * @throws IOException if it is a page that was not forgotten, or the kernel refuses
     */
    public void arrived(int blockIndex, long offsetBytes, long sourceAddress) throws IOException {
        long hostPage = offsetBytes / hostPageBytes(blockIndex);
        if (arrivals.isPlaced(blockIndex, hostPage)) {
            return;
        }
        if (sourceAddress == 0) {
            ram.placeZero(blockIndex, offsetBytes);
        } else {
            ram.place(blockIndex, offsetBytes, sourceAddress);
        }
        arrivals.placed(blockIndex, hostPage);
    }

    /** Every page is here, or zero: the memory is ordinary again. */
    public void end() throws IOException {
        require(Stage.RUNNING, "the end of a postcopy");
        ram.end();
        stage = Stage.ENDED;
    }

    /** The guest does not run and never will: whoever waits for a page is let go. */
    public void abandon() {
        ram.abandon();
    }

    private long hostPageBytes(int blockIndex) {
        return memory().hostPageBytes().get(blockIndex);
    }
}
