package dev.godwit.host;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.PagemapScan;
import dev.godwit.linux.PagemapScan.RegionConsumer;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.Userfaultfd.Mode;
import dev.godwit.linux.Userfaultfd.Way;
import dev.godwit.linux.UserfaultfdFeature;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The dirty log of any memory of this process, by the kernel's asynchronous write protection: the first write to a page
 * lifts its protection, and one call of {@code PAGEMAP_SCAN} finds those pages and protects them again, each in one
 * step. Needs Linux 6.7 and no rights but those of a userfaultfd for user code: no fault ever reaches a handler, so
 * that system calls and vCPUs of KVM that write the memory are seen as any other write.
 *
 * <p>Seen is what is written through the mapping of the {@link GuestMemory}. Whoever changes it otherwise says so by
 * {@link #markWritten}: through another mapping of a memory file or by writing the file, and by punching a hole into it
 * ({@code MADV_REMOVE} as well). On huge pages of the pool the unit is the huge page, and all its target pages are
 * reported. A transparent one is protected whole and stays whole until it is written, when the kernel splits it and
 * lifts the protection of the one page.
 *
 * <p>The memory cannot have another userfaultfd while the log is open.
 */
public final class PagemapDirtyLog implements DirtyLog {

    /** What {@link #method()} says. */
    public static final String METHOD = "pagemap-scan";

    private static final Set<UserfaultfdFeature> FEATURES = Set.of(
            UserfaultfdFeature.PAGEFAULT_FLAG_WP,
            UserfaultfdFeature.WP_ASYNC,
            UserfaultfdFeature.WP_UNPOPULATED,
            UserfaultfdFeature.WP_HUGETLBFS_SHMEM);
    private static final int REGIONS = 16384;

    /** So many that are known one after another, 16 MiB, are not looked at: that takes longer than another call. */
    private static final long STRETCH_PAGES = 4096;

    private final GuestMemory memory;
    private final Userfaultfd userfaultfd;
    private final PagemapScan scan;
    private final List<PageBitmap> marked = new ArrayList<>();
    private int registered;

    private PagemapDirtyLog(GuestMemory memory, Userfaultfd userfaultfd, PagemapScan scan) {
        this.memory = memory;
        this.userfaultfd = userfaultfd;
        this.scan = scan;
        memory.layout().blocks().forEach(block -> marked.add(new PageBitmap(block.pages())));
    }

    /** {@return why this host cannot do it, with what mends it; empty where it can} */
    public static Optional<String> missing() {
        try (Userfaultfd _ = open()) {
            return PagemapScan.isSupported() ? Optional.empty() : Optional.of(refusal("no PAGEMAP_SCAN"));
        } catch (LinuxException e) {
            return Optional.of(refusal(String.valueOf(e.getMessage())));
        }
    }

    /**
     * Protects all memory of a guest, which may run.
     *
     * @param ram not closed here, and not before the log is
     * @throws IOException if the host cannot do it, or the memory has a userfaultfd already; the memory is as it was
     */
    public static PagemapDirtyLog start(RamAllocation ram) throws IOException {
        if (!PagemapScan.isSupported()) {
            throw new IOException(refusal("no PAGEMAP_SCAN"));
        }
        Userfaultfd userfaultfd = openOrRefuse();
        PagemapScan scan = null;
        try {
            scan = PagemapScan.open(REGIONS);
            PagemapDirtyLog log = new PagemapDirtyLog(ram.memory(), userfaultfd, scan);
            UntouchedRam.makeReadable(ram);
            log.arm();
            return log;
        } catch (IOException | RuntimeException | Error e) {
            // closing it lifts the protection and the registration of every block
            userfaultfd.close();
            if (scan != null) {
                scan.close();
            }
            throw e;
        }
    }

    private static Userfaultfd openOrRefuse() throws IOException {
        try {
            return open();
        } catch (LinuxException e) {
            throw new IOException(refusal(String.valueOf(e.getMessage())), e);
        }
    }

    private static Userfaultfd open() throws LinuxException {
        return Userfaultfd.open(FEATURES, Set.of(), Way.USER_MODE_ONLY, Way.SYSTEM_CALL, Way.DEVICE);
    }

    private static String refusal(String why) {
        return "the dirty log %s needs Linux 6.7 and a userfaultfd: %s".formatted(METHOD, why);
    }

    private void arm() throws IOException {
        for (int block = 0; block < memory.layout().blocks().size(); block++) {
            long address = memory.hostAddress(block, 0);
            long lengthBytes = memory.layout().block(block).lengthBytes();
            register(address, lengthBytes);
            registered++;
            protect(block, address, lengthBytes);
        }
    }

    private void protect(int block, long address, long lengthBytes) throws LinuxException {
        long result = userfaultfd.writeProtect(address, lengthBytes, true, false);
        if (result < 0) {
            throw new LinuxException(
                    "ioctl UFFDIO_WRITEPROTECT",
                    new Errno((int) -result),
                    "block " + memory.layout().block(block).id());
        }
    }

    private void register(long address, long lengthBytes) throws IOException {
        try {
            userfaultfd.register(address, lengthBytes, Mode.WRITE_PROTECT);
        } catch (LinuxException e) {
            if (e.errno().equals(Errno.EBUSY)) {
                throw new IOException("the guest's memory is busy with another dirty log, a snapshot or postcopy", e);
            }
            throw e;
        }
    }

    @Override
    public String method() {
        return METHOD;
    }

    @Override
    public long collect(List<PageBitmap> dirty) throws IOException {
        long pages = 0;
        for (int block = 0; block < dirty.size(); block++) {
            PageBitmap bitmap = dirty.get(block);
            pages += collect(block, 0, bitmap.pages(), bitmap, scan::writtenAndProtect);
            pages += takeMarked(marked.get(block), bitmap);
        }
        return pages;
    }

    @Override
    public long collectLast(List<PageBitmap> dirty, List<PageBitmap> known) throws IOException {
        long pages = 0;
        for (int block = 0; block < dirty.size(); block++) {
            PageBitmap bitmap = dirty.get(block);
            long from = 0;
            for (long at = 0; at < bitmap.pages(); ) {
                long clear = known.get(block).nextClear(at);
                long knownEnd = clear < 0 ? bitmap.pages() : clear / STRETCH_PAGES * STRETCH_PAGES;
                if (knownEnd > at) {
                    pages += collect(block, from, at, bitmap, scan::written);
                    from = knownEnd;
                    at = knownEnd;
                } else {
                    at += STRETCH_PAGES;
                }
            }
            pages += collect(block, from, bitmap.pages(), bitmap, scan::written);
            pages += takeMarked(marked.get(block), bitmap);
        }
        return pages;
    }

    /** {@link PagemapScan#writtenAndProtect}, or without protecting. */
    private interface Look {
        long at(long startAddress, long endAddress, RegionConsumer consumer) throws LinuxException;
    }

    private long collect(int block, long firstPage, long endPage, PageBitmap bitmap, Look look) throws IOException {
        if (firstPage == endPage) {
            return 0;
        }
        long address = memory.hostAddress(block, 0);
        RegionConsumer toBitmap =
                (from, to, _) -> bitmap.set((from - address) / Page.SIZE_BYTES, (to - from) / Page.SIZE_BYTES);
        return look.at(address + firstPage * Page.SIZE_BYTES, address + endPage * Page.SIZE_BYTES, toBitmap)
                / Page.SIZE_BYTES;
    }

    private static long takeMarked(PageBitmap marked, PageBitmap dirty) {
        long pages = 0;
        for (long page = marked.nextSet(0); page >= 0; page = marked.nextSet(page + 1)) {
            if (marked.testAndClear(page)) {
                dirty.set(page);
                pages++;
            }
        }
        return pages;
    }

    /** Has pages reported by the next {@link #collect}, which were changed in a way that is not seen. Thread-safe. */
    public void markWritten(int blockIndex, long firstPage, long pages) {
        marked.get(blockIndex).set(firstPage, pages);
    }

    /** Does nothing: pages are protected again in the step that finds them. */
    @Override
    public void beforeRead(int blockIndex, long firstPage, long pages) {}

    @Override
    public void close() throws IOException {
        try (scan;
                userfaultfd) {
            while (registered > 0) {
                registered--;
                userfaultfd.unregister(
                        memory.hostAddress(registered, 0),
                        memory.layout().block(registered).lengthBytes());
            }
        }
    }
}
