package dev.godwit.engine.postcopy;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSink;
import dev.godwit.engine.machine.MachineSink;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The memory of a machine whose migration may go over to postcopy, as the place where pages go. Until then they are
 * written; afterwards they are collected until a host page is whole, and placed in one step.
 *
 * <p>Host pages of 4 KiB that nobody waits for are held until some lie one behind the other and can be placed by one
 * call, and no longer than there is more to read ({@link PageLane#pause}).
 *
 * <p>The pages of a host page come in order, with none of another between them. A lane belongs to one connection: what
 * it had collected of a host page when the connection broke is forgotten with it.
 */
public final class DemandPagedSink implements RamSink {

    private final DemandPaging paging;
    private final MachineSink memory;
    private int[] blockIndexes = new int[0];

    /** A sink that writes to the memory of a machine, and places pages in it later. */
    public DemandPagedSink(DemandPaging paging) {
        this.paging = paging;
        this.memory = new MachineSink(paging.memory(), paging.ahead());
    }

    @Override
    public void begin(RamLayout layout) throws IOException {
        memory.begin(layout);
        RamLayout own = paging.memory().layout();
        blockIndexes = layout.blocks().stream()
                .mapToInt(block -> own.indexOf(block.id()))
                .toArray();
    }

    /**
     * {@return the source's number of a block, or -1 where the source has none of that name}
     *
     * @param id its name
     */
    public int machineIndexOf(String id) {
        return blockIndexes.length == 0 ? -1 : paging.memory().layout().indexOf(id);
    }

    @Override
    public PageLane lane() {
        return new Lane(paging, memory.lane(), blockIndexes);
    }

    private static final class Lane implements PageLane {

        private static final long NONE = -1;

        /** What a source sends of a postcopy at once; more would gain little. */
        private static final int RUN_PAGES = 16;

        private final DemandPaging paging;
        private final PageLane memory;
        private final int[] blockIndexes;
        private @Nullable MemorySegment hostPage;
        private int block;
        private long startBytes = NONE;
        private long collectedBytes;
        private boolean zero;
        private final MemorySegment run = Arena.ofAuto().allocate((long) RUN_PAGES * Page.SIZE_BYTES, Page.SIZE_BYTES);
        private int runBlock;
        private long runStartBytes;
        private int runPages;

        Lane(DemandPaging paging, PageLane memory, int[] blockIndexes) {
            this.paging = paging;
            this.memory = memory;
            this.blockIndexes = blockIndexes;
        }

        @Override
        public void pages(int blockIndex, long offsetBytes, MemorySegment content) throws IOException {
            int own = blockIndexes[blockIndex];
            if (!paging.isListening()) {
                memory.pages(blockIndex, offsetBytes, content);
                paging.arrivals().received(own, offsetBytes, content.byteSize());
                return;
            }
            for (long at = 0; at < content.byteSize(); at += Page.SIZE_BYTES) {
                if (hostPageBytes(own) == Page.SIZE_BYTES && content.isNative()) {
                    checkNoneCollected();
                    hold(own, offsetBytes + at, content, at);
                } else {
                    page(own, offsetBytes + at, content.asSlice(at, Page.SIZE_BYTES));
                }
            }
        }

        @Override
        public void zeroPages(int blockIndex, long offsetBytes, long lengthBytes) throws IOException {
            int own = blockIndexes[blockIndex];
            if (!paging.isListening()) {
                memory.zeroPages(blockIndex, offsetBytes, lengthBytes);
                paging.arrivals().received(own, offsetBytes, lengthBytes);
                return;
            }
            for (long at = offsetBytes; at < offsetBytes + lengthBytes; at += Page.SIZE_BYTES) {
                if (hostPageBytes(own) == Page.SIZE_BYTES) {
                    checkNoneCollected();
                    pause();
                    paging.arrived(own, at, 0);
                } else {
                    page(own, at, null);
                }
            }
        }

        /** Holds a page, where nobody waits for any, to place it with those behind it by one call. */
        private void hold(int own, long offsetBytes, MemorySegment content, long at) throws IOException {
            boolean goesOn = own == runBlock && offsetBytes == runStartBytes + (long) runPages * Page.SIZE_BYTES;
            boolean anyAwaited = paging.arrivals().isAnyAwaited();
            if (!goesOn || runPages == RUN_PAGES || anyAwaited) {
                pause();
            }
            if (anyAwaited) {
                paging.arrived(own, offsetBytes, content.address() + at);
                return;
            }
            if (paging.arrivals().isPlaced(own, offsetBytes / Page.SIZE_BYTES)) {
                return;
            }
            if (runPages == 0) {
                runBlock = own;
                runStartBytes = offsetBytes;
            }
            MemorySegment.copy(content, at, run, (long) runPages * Page.SIZE_BYTES, Page.SIZE_BYTES);
            runPages++;
        }

        @Override
        public void pause() throws IOException {
            int pages = runPages;
            runPages = 0;
            if (pages == 1) {
                paging.arrived(runBlock, runStartBytes, run.address());
            } else if (pages > 1) {
                paging.arrivedRun(runBlock, runStartBytes, run.address(), pages);
            }
        }

        /** Collects a page; null for one of zeros. */
        private void page(int own, long offsetBytes, @Nullable MemorySegment content) throws IOException {
            long hostPageBytes = hostPageBytes(own);
            if (startBytes == NONE && offsetBytes % hostPageBytes == 0) {
                block = own;
                startBytes = offsetBytes;
                collectedBytes = 0;
                zero = true;
            } else if (startBytes == NONE || own != block || offsetBytes != startBytes + collectedBytes) {
                throw new IOException("postcopy: expected the pages of a host page of %d bytes in order, found %s"
                                .formatted(hostPageBytes, name(own, offsetBytes))
                        + (startBytes == NONE ? " first" : " behind " + name(block, startBytes + collectedBytes)));
            }
            collect(content, hostPageBytes);
            if (collectedBytes == hostPageBytes) {
                long address = zero || hostPage == null ? 0 : hostPage.address();
                long start = startBytes;
                startBytes = NONE;
                paging.arrived(own, start, address);
            }
        }

        private void collect(@Nullable MemorySegment content, long hostPageBytes) {
            MemorySegment into = hostPage;
            if (content != null && (into == null || into.byteSize() < hostPageBytes)) {
                into = Arena.ofAuto().allocate(hostPageBytes, Page.SIZE_BYTES);
                hostPage = into;
            }
            if (content == null) {
                if (!zero && into != null) {
                    into.asSlice(collectedBytes, Page.SIZE_BYTES).fill((byte) 0);
                }
            } else if (into != null) {
                if (zero) {
                    into.asSlice(0, collectedBytes).fill((byte) 0);
                    zero = false;
                }
                MemorySegment.copy(content, 0, into, collectedBytes, Page.SIZE_BYTES);
            }
            collectedBytes += Page.SIZE_BYTES;
        }

        private void checkNoneCollected() throws IOException {
            if (startBytes != NONE) {
                throw new IOException("postcopy: expected the rest of the host page at %s, found another page"
                        .formatted(name(block, startBytes)));
            }
        }

        private String name(int own, long offsetBytes) {
            return "0x%x of %s"
                    .formatted(offsetBytes, paging.memory().layout().block(own).id());
        }

        private long hostPageBytes(int own) {
            return paging.memory().hostPageBytes().get(own);
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) throws IOException {
            if (paging.isListening()) {
                throw new IOException("postcopy: expected whole pages, found a difference to an earlier one (XBZRLE)");
            }
            memory.read(blockIndex, offsetBytes, target);
        }

        @Override
        public void flush() throws IOException {
            pause();
            memory.flush();
        }
    }
}
