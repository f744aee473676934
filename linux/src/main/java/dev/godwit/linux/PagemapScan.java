package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.IoctlCalls;
import dev.godwit.linux.calls.LibC;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;

/**
 * Finds the pages of this process that are of some kind, and write-protects them in the same step: {@code PAGEMAP_SCAN}
 * of {@code /proc/self/pagemap}, since Linux 6.7. Owns its descriptor and its buffer; it belongs to one thread.
 *
 * <p>Pages that are written again after they were found are found again, however close the write is: this is the way to
 * track writes. Scan and protect first, then copy the pages.
 */
public final class PagemapScan implements Closeable {

    static final long PAGEMAP_SCAN = 0xc0606610L;
    static final long PM_SCAN_WP_MATCHING = 1;
    static final long PM_SCAN_CHECK_WPASYNC = 2;

    /** {@code struct pm_scan_arg} of {@code linux/fs.h}. */
    static final StructLayout PM_SCAN_ARG_LAYOUT = MemoryLayout.structLayout(Arrays.stream(new String[] {
                        "size",
                        "flags",
                        "start",
                        "end",
                        "walk_end",
                        "vec",
                        "vec_len",
                        "max_pages",
                        "category_inverted",
                        "category_mask",
                        "category_anyof_mask",
                        "return_mask"
                    })
                    .map(JAVA_LONG::withName)
                    .toArray(MemoryLayout[]::new))
            .withName("pm_scan_arg");

    /** {@code struct page_region} of {@code linux/fs.h}. */
    static final StructLayout PAGE_REGION_LAYOUT = MemoryLayout.structLayout(
                    JAVA_LONG.withName("start"), JAVA_LONG.withName("end"), JAVA_LONG.withName("categories"))
            .withName("page_region");

    private static final long WALK_END = PM_SCAN_ARG_LAYOUT.byteOffset(PathElement.groupElement("walk_end"));
    private static final long REGION_BYTES = PAGE_REGION_LAYOUT.byteSize();

    /**
     * What is looked for, and what is done with it.
     *
     * @param all a page must be of all these kinds
     * @param any and of one of these, if there are any
     * @param not kinds of the above that a page must not be of
     * @param returned the kinds that are told of each region; pages beside each other that differ in them are not
     *     joined
     * @param protect whether what is found is write-protected in the same step; only what
     *     {@link PageCategory#WPALLOWED}
     * @param checkAsync whether memory without asynchronous write protection is refused, with {@link Errno#EPERM}
     * @param maxPages how many pages one scan finds at most, 0 for any number
     */
    public record Query(
            Set<PageCategory> all,
            Set<PageCategory> any,
            Set<PageCategory> not,
            Set<PageCategory> returned,
            boolean protect,
            boolean checkAsync,
            long maxPages) {

        /** Checks, and copies the sets. */
        public Query {
            all = Set.copyOf(all);
            any = Set.copyOf(any);
            not = Set.copyOf(not);
            returned = Set.copyOf(returned);
            if (maxPages < 0) {
                throw new IllegalArgumentException("maxPages " + maxPages + " is negative");
            }
        }

        /** The pages written since they were protected last, which are protected again. */
        public static Query writtenAndProtect() {
            Set<PageCategory> written = Set.of(PageCategory.WRITTEN);
            return new Query(written, Set.of(), Set.of(), written, true, true, 0);
        }

        /** The pages written since they were protected last, which stay as they are. */
        public static Query written() {
            Set<PageCategory> written = Set.of(PageCategory.WRITTEN);
            return new Query(written, Set.of(), Set.of(), written, false, true, 0);
        }

        /** The pages of some kinds; nothing is changed. */
        public static Query of(PageCategory... all) {
            return new Query(Set.of(all), Set.of(), Set.of(), Set.of(all), false, false, 0);
        }
    }

    /** Is told of what is found. */
    @FunctionalInterface
    public interface RegionConsumer {
        /**
         * Takes a region of pages that are alike.
         *
         * @param startAddress the first byte
         * @param endAddress the byte behind the last
         * @param categories the bits of the kinds that were asked for, {@link PageCategory#bit()}
         */
        void accept(long startAddress, long endAddress, long categories);
    }

    private static final Query WRITTEN_AND_PROTECT = Query.writtenAndProtect();
    private static final Query WRITTEN = Query.written();

    private final OpenFile pagemap;
    private final MemorySegment regions;
    private final int capacity;
    private int count;
    private long walkEnd;

    private PagemapScan(OpenFile pagemap, int capacity) {
        this.pagemap = pagemap;
        this.capacity = capacity;
        this.regions = Arena.ofAuto().allocate(capacity * REGION_BYTES, 8);
    }

    /**
     * Opens this process's page map.
     *
     * @param capacity how many regions one scan finds at most, each of 24 bytes
     */
    public static PagemapScan open(int capacity) throws LinuxException {
        if (capacity < 1) {
            throw new IllegalArgumentException("the capacity " + capacity + " is not positive");
        }
        return new PagemapScan(OpenFile.open(Path.of("/proc/self/pagemap")), capacity);
    }

    /** {@return whether this kernel has the call, asked of it} */
    public static boolean isSupported() {
        try (PagemapScan scan = open(1)) {
            long page = Host.pageSize();
            scan.scan(page, 2 * page, Query.of(PageCategory.PRESENT));
            return true;
        } catch (LinuxException e) {
            return false;
        }
    }

    /**
     * Looks at a range once. Where there are more regions than there is room for, or than {@link Query#maxPages}, it
     * stops before the end: {@link #walkEnd()} says where, and what is behind was neither looked at nor protected.
     *
     * @param startAddress a multiple of the page
     * @param endAddress the byte behind the last, a multiple of the page
     * @return how many regions were found: {@link #start}, {@link #end} and {@link #categories} tell of them
     * @throws LinuxException {@link Errno#EPERM} where the query checks for asynchronous write protection and there is
     *     none, {@link Errno#ENOTTY} before Linux 6.7; part of the range may have been protected then
     */
    public int scan(long startAddress, long endAddress, Query query) throws LinuxException {
        MemorySegment argument = LibC.argumentSlot();
        set(argument, startAddress, endAddress, query);
        count = 0;
        walkEnd = startAddress;
        Descriptor descriptor = pagemap.descriptor();
        int fd = descriptor.borrow();
        try {
            long result = fd < 0 ? fd : IoctlCalls.ioctl(fd, PAGEMAP_SCAN, argument.address());
            count = (int) LinuxException.check("ioctl PAGEMAP_SCAN", result, descriptor);
            walkEnd = argument.get(JAVA_LONG, WALK_END);
            return count;
        } finally {
            descriptor.giveBack();
        }
    }

    private void set(MemorySegment argument, long startAddress, long endAddress, Query query) {
        long flags = (query.protect ? PM_SCAN_WP_MATCHING : 0) | (query.checkAsync ? PM_SCAN_CHECK_WPASYNC : 0);
        argument.set(JAVA_LONG, 0, PM_SCAN_ARG_LAYOUT.byteSize());
        argument.set(JAVA_LONG, 8, flags);
        argument.set(JAVA_LONG, 16, startAddress);
        argument.set(JAVA_LONG, 24, endAddress);
        argument.set(JAVA_LONG, WALK_END, 0);
        argument.set(JAVA_LONG, 40, regions.address());
        argument.set(JAVA_LONG, 48, capacity);
        argument.set(JAVA_LONG, 56, query.maxPages);
        argument.set(JAVA_LONG, 64, PageCategory.bits(query.not));
        argument.set(JAVA_LONG, 72, PageCategory.bits(query.all) | PageCategory.bits(query.not));
        argument.set(JAVA_LONG, 80, PageCategory.bits(query.any));
        argument.set(JAVA_LONG, 88, PageCategory.bits(query.returned));
    }

    /** {@return where the last scan stopped: the end, or the byte from which the next goes on} */
    public long walkEnd() {
        return walkEnd;
    }

    /** {@return the first byte of a region that the last scan found} */
    public long start(int index) {
        return regions.get(JAVA_LONG, at(index));
    }

    /** {@return the byte behind the last of a region that the last scan found} */
    public long end(int index) {
        return regions.get(JAVA_LONG, at(index) + 8);
    }

    /** {@return the bits of the kinds that were asked for, {@link PageCategory#bit()}} */
    public long categories(int index) {
        return regions.get(JAVA_LONG, at(index) + 16);
    }

    /**
     * Looks at all of a range, in as many steps as it takes, and tells of every region.
     *
     * @return how many bytes were found
     */
    public long scanAll(long startAddress, long endAddress, Query query, RegionConsumer consumer)
            throws LinuxException {
        long foundBytes = 0;
        long from = startAddress;
        while (from < endAddress) {
            int found = scan(from, endAddress, query);
            for (int i = 0; i < found; i++) {
                consumer.accept(start(i), end(i), categories(i));
                foundBytes += end(i) - start(i);
            }
            if (walkEnd <= from) {
                throw new LinuxException("ioctl PAGEMAP_SCAN", Errno.EINVAL, "stopped where it began");
            }
            from = walkEnd;
        }
        return foundBytes;
    }

    /**
     * Tells of every region of a range that was written since it was write-protected last, and protects it again in the
     * same step. The range must be registered for {@link Userfaultfd.Mode#WRITE_PROTECT} with
     * {@link UserfaultfdFeature#WP_ASYNC}, and protected once to begin with.
     *
     * @return how many bytes were found
     */
    public long writtenAndProtect(long startAddress, long endAddress, RegionConsumer consumer) throws LinuxException {
        return scanAll(startAddress, endAddress, WRITTEN_AND_PROTECT, consumer);
    }

    /** The same without protecting anything: a later call tells of these regions again. */
    public long written(long startAddress, long endAddress, RegionConsumer consumer) throws LinuxException {
        return scanAll(startAddress, endAddress, WRITTEN, consumer);
    }

    private long at(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index + " of " + count + " regions");
        }
        return index * REGION_BYTES;
    }

    /** Closes the page map. */
    @Override
    public void close() {
        pagemap.close();
    }
}
