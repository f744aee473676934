package dev.godwit.engine.postcopy;

import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.engine.migration.PostcopyReport;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

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
    private final MemoryAhead ahead;
    private final PageArrivals arrivals;
    private final Supplier<List<Integer>> vcpuThreadIds;
    private final List<PostcopyNotifier> notifiers = new CopyOnWriteArrayList<>();
    private final List<PageWaker> wakers = new CopyOnWriteArrayList<>();
    private final FaultLatencies latencies = new FaultLatencies();
    private volatile VcpuBlocktime blocktime = new VcpuBlocktime(List.of());
    private volatile Stage stage = Stage.NONE;
    private volatile PageRequester requester = PageRequester.NOBODY;

    /**
     * Memory that is ordinary still.
     *
     * @param vcpuThreadIds the threads of the vCPUs, as the kernel numbers them; asked for when missing pages are
     *     listened for
     */
    public DemandPaging(PostcopyRam ram, Supplier<List<Integer>> vcpuThreadIds) {
        this.ram = ram;
        this.vcpuThreadIds = vcpuThreadIds;
        this.ahead = ram.ahead();
        this.arrivals = new PageArrivals(ram.memory());
    }

    /** Adds somebody who is told how it goes; before {@link #advise}. */
    public void notifyOf(PostcopyNotifier notifier) {
        notifiers.add(notifier);
    }

    /** Adds somebody who wakes others for every page that is placed from now on. */
    public void wakeBy(PageWaker waker) {
        wakers.add(waker);
    }

    /** Has somebody wake others no more. */
    public void wakeNoMoreBy(PageWaker waker) {
        wakers.remove(waker);
    }

    /**
     * Makes what will be needed when the guest has stopped at its source, before it does; needs not be called.
     *
     * @throws IOException if the kernel refuses
     */
    public void prepare() throws IOException {
        ram.prepare(this);
    }

    /** The migration is over: frees what was made, unless the source went over to postcopy, whose end frees it. */
    public void close() {
        ahead.close();
        if (stage != Stage.ENDED && !isListening()) {
            ram.abandon();
        }
    }

    private void tell(PostcopyNotifier.Moment moment) throws IOException {
        for (PostcopyNotifier notifier : notifiers) {
            notifier.at(moment);
        }
    }

    /** {@return how far it is} */
    public Stage stage() {
        return stage;
    }

    /** {@return the memory} */
    public GuestMemory memory() {
        return ram.memory();
    }

    /** {@return what makes the memory ready for pages, until the first is forgotten} */
    MemoryAhead ahead() {
        return ahead;
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
        tell(PostcopyNotifier.Moment.PROBE);
        tell(PostcopyNotifier.Moment.INBOUND_ADVISE);
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
            ahead.close(); // a page that was touched would not be missing
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
        blocktime = new VcpuBlocktime(vcpuThreadIds.get());
        ram.listen(this);
        stage = Stage.LISTENING;
        try {
            tell(PostcopyNotifier.Moment.INBOUND_LISTEN);
        } catch (IOException e) {
            ram.abandon(); // nobody runs here yet
            throw e;
        }
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
        PagePlace place = new PagePlace(blockIndex, hostPage);
        long nowNs = System.nanoTime();
        blocktime.begin(place, threadId, nowNs);
        if (arrivals.await(blockIndex, hostPage, nowNs)) {
            requester.request(blockIndex, offsetBytes, bytes);
        } else if (arrivals.isHere(blockIndex, hostPage)) {
            blocktime.end(place, nowNs);
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
        long sinceNs = arrivals.placed(blockIndex, hostPage);
        for (PageWaker waker : wakers) {
            waker.placed(blockIndex, offsetBytes);
        }
        latency(blockIndex, hostPage, sinceNs);
    }

    /**
     * Places consecutive host pages of 4 KiB that have come whole, none of which came before; otherwise as
     * {@link #arrived}.
     *
     * @param sourceAddress their content
     */
    void arrivedRun(int blockIndex, long offsetBytes, long sourceAddress, int pages) throws IOException {
        long placedBytes = ram.placeRun(blockIndex, offsetBytes, sourceAddress, (long) pages * Page.SIZE_BYTES);
        long first = offsetBytes / Page.SIZE_BYTES;
        int placedPages = (int) (placedBytes / Page.SIZE_BYTES);
        if (!arrivals.placedUnawaited(blockIndex, first, placedPages)) {
            for (int page = 0; page < placedPages; page++) {
                latency(blockIndex, first + page, arrivals.placed(blockIndex, first + page));
            }
        }
        for (PageWaker waker : wakers) {
            for (int page = 0; page < placedPages; page++) {
                waker.placed(blockIndex, offsetBytes + (long) page * Page.SIZE_BYTES);
            }
        }
        for (long done = (long) placedPages * Page.SIZE_BYTES; done < (long) pages * Page.SIZE_BYTES; ) {
            arrived(blockIndex, offsetBytes + done, sourceAddress + done);
            done += Page.SIZE_BYTES;
        }
    }

    private void latency(int blockIndex, long hostPage, long sinceNs) {
        if (sinceNs != PageArrivals.NOBODY_WAITED) {
            long nowNs = System.nanoTime();
            latencies.add(nowNs - sinceNs);
            blocktime.end(new PagePlace(blockIndex, hostPage), nowNs);
        }
    }

    /** {@return for how long pages were waited for, so far} */
    public PostcopyReport report() {
        VcpuBlocktime now = blocktime;
        return new PostcopyReport(
                TimeUnit.NANOSECONDS.toMillis(now.allNs()),
                now.vcpuNs().stream().map(TimeUnit.NANOSECONDS::toMillis).toList(),
                latencies.summary());
    }

    /** Every page is here, or zero: the memory is ordinary again. */
    public void end() throws IOException {
        require(Stage.RUNNING, "the end of a postcopy");
        for (PostcopyNotifier notifier : notifiers) {
            try {
                notifier.at(PostcopyNotifier.Moment.INBOUND_END);
            } catch (IOException e) {
                System.getLogger("dev.godwit.engine")
                        .log(
                                Level.WARNING,
                                "Somebody who shared the guest's memory did not end well: " + e.getMessage());
            }
        }
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
