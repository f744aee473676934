package dev.godwit.host;

import dev.godwit.linux.Errno;
import dev.godwit.linux.Host;
import dev.godwit.linux.HugePageSize;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.Protection;
import dev.godwit.linux.Sharing;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.Userfaultfd.Mode;
import dev.godwit.linux.Userfaultfd.Request;
import dev.godwit.linux.Userfaultfd.Way;
import dev.godwit.linux.UserfaultfdFeature;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Whether this host can be the destination of a postcopy, asked of the kernel by doing it to a page of each kind of
 * memory (qemu-migration specification section 9.1). Whatever is missing is said in a sentence.
 */
public final class PostcopySupport {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final String LOCKED = "VmLck:";

    private final Set<RamBacking> kinds;
    private final List<RamBlock> blocks;
    private final List<Long> hostPageBytes;
    private final boolean kernelFaults;

    private PostcopySupport(
            Set<RamBacking> kinds, List<RamBlock> blocks, List<Long> hostPageBytes, boolean kernelFaults) {
        this.kinds = kinds;
        this.blocks = blocks;
        this.hostPageBytes = hostPageBytes;
        this.kernelFaults = kernelFaults;
    }

    /**
     * {@return the support for the RAM of a machine}
     *
     * @param kernelFaults whether the kernel itself touches it for the guest, as KVM does
     */
    public static PostcopySupport of(RamAllocation ram, boolean kernelFaults) {
        Set<RamBacking> kinds = EnumSet.noneOf(RamBacking.class);
        for (int block = 0; block < ram.memory().blocks().size(); block++) {
            Optional<Memfd> memfd = ram.memfd(block);
            if (memfd.isEmpty()) {
                kinds.add(RamBacking.ANONYMOUS);
            } else {
                kinds.add(memfd.get().pages() == HugePageSize.NONE ? RamBacking.MEMFD : RamBacking.HUGETLB_2M);
            }
        }
        return new PostcopySupport(
                kinds, ram.memory().layout().blocks(), ram.memory().hostPageBytes(), kernelFaults);
    }

    /** {@return the support for a kind of memory, whichever machine has it} */
    public static PostcopySupport of(RamBacking kind, boolean kernelFaults) {
        return new PostcopySupport(EnumSet.of(kind), List.of(), List.of(), kernelFaults);
    }

    /** {@return why it cannot be done, each reason in a sentence; empty where it can} */
    public List<String> refusals() {
        List<String> refusals = new ArrayList<>();
        checkPageSizes(refusals);
        checkLocked(refusals);
        try (Userfaultfd faults = open(Set.of())) {
            for (RamBacking kind : kinds) {
                try {
                    tryOut(faults, kind, refusals);
                } catch (LinuxException e) {
                    refusals.add("a userfaultfd does not work on %s: %s".formatted(words(kind), e.getMessage()));
                }
            }
        } catch (LinuxException e) {
            refusals.add(refusal(e));
        }
        return List.copyOf(refusals);
    }

    /** Opens a userfaultfd that is right for this memory. */
    Userfaultfd open(Set<UserfaultfdFeature> optional) throws LinuxException {
        Set<UserfaultfdFeature> wanted = EnumSet.noneOf(UserfaultfdFeature.class);
        for (RamBacking kind : kinds) {
            switch (kind) {
                case ANONYMOUS -> {}
                case MEMFD -> wanted.add(UserfaultfdFeature.MISSING_SHMEM);
                case HUGETLB_2M -> wanted.add(UserfaultfdFeature.MISSING_HUGETLBFS);
            }
        }
        return kernelFaults
                ? Userfaultfd.open(wanted, optional, Way.DEVICE, Way.SYSTEM_CALL)
                : Userfaultfd.open(wanted, optional);
    }

    private String refusal(LinuxException e) {
        if (e.errno().equals(Errno.EOPNOTSUPP)) {
            return "this kernel's userfaultfd is too old: " + e.getMessage();
        }
        return "no userfaultfd%s is to be had: %s; a user other than root needs access to /dev/userfaultfd or sysctl"
                        .formatted(
                                kernelFaults ? " for faults inside the kernel, as KVM has them," : "", e.getMessage())
                + " vm.unprivileged_userfaultfd=1";
    }

    private void checkPageSizes(List<String> refusals) {
        if (Host.pageSize() != Page.SIZE_BYTES) {
            refusals.add("this host has pages of %d bytes; %d are needed".formatted(Host.pageSize(), Page.SIZE_BYTES));
        }
        for (int block = 0; block < blocks.size(); block++) {
            if (blocks.get(block).lengthBytes() % hostPageBytes.get(block) != 0) {
                refusals.add("block %s has %d bytes, no multiple of its pages of %d"
                        .formatted(blocks.get(block).id(), blocks.get(block).lengthBytes(), hostPageBytes.get(block)));
            }
        }
    }

    /** Locked memory is brought whole at once, so that no page of it is ever missing. */
    private static void checkLocked(List<String> refusals) {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                String amount = line.startsWith(LOCKED)
                        ? line.substring(LOCKED.length()).strip()
                        : "0 kB";
                if (!amount.equals("0 kB")) {
                    refusals.add("memory of this process is locked (%s); locked memory has no missing pages"
                            .formatted(amount));
                }
            }
        } catch (IOException e) {
            refusals.add("whether memory of this process is locked is not to be known: " + e.getMessage());
        }
    }

    private static void tryOut(Userfaultfd faults, RamBacking kind, List<String> refusals) throws LinuxException {
        try (TestPage page = TestPage.of(kind)) {
            long address = page.mapping.address();
            long bytes = page.mapping.lengthBytes();
            Set<Request> offered = faults.register(address, bytes, Mode.MISSING);
            Set<Request> missing = EnumSet.of(Request.WAKE, Request.COPY);
            if (kind != RamBacking.HUGETLB_2M) {
                missing.add(Request.ZEROPAGE);
            }
            missing.removeAll(offered);
            if (!missing.isEmpty()) {
                refusals.add("a userfaultfd on %s does not offer %s".formatted(words(kind), missing));
            } else if (kind != RamBacking.HUGETLB_2M) { // the pool may be all in the guest
                place(faults, page, kind, refusals);
            }
            faults.unregister(address, bytes);
        }
    }

    private static void place(Userfaultfd faults, TestPage page, RamBacking kind, List<String> refusals)
            throws LinuxException {
        long first = page.mapping.address();
        long second = first + Page.SIZE_BYTES;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment content = arena.allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
            content.set(ValueLayout.JAVA_LONG, Page.SIZE_BYTES - 8, 4);
            boolean copied = faults.copy(first, content.address(), Page.SIZE_BYTES, false, true) == Page.SIZE_BYTES;
            boolean zeroed = faults.zeroPage(second, Page.SIZE_BYTES, true) == Page.SIZE_BYTES;
            boolean woken = faults.wake(first, 2L * Page.SIZE_BYTES) == 0;
            // a page that was not placed would be waited for, for ever
            boolean right = copied
                    && zeroed
                    && NativeMemory.compare(first, content.address(), Page.SIZE_BYTES) == 0
                    && NativeMemory.load(second) == 0;
            if (!right || !woken) {
                refusals.add(
                        "a userfaultfd on %s does not place pages: copied %s, zeroed %s, woken %s, content right %s"
                                .formatted(words(kind), copied, zeroed, woken, right));
            }
        }
    }

    private static String words(RamBacking kind) {
        return switch (kind) {
            case ANONYMOUS -> "anonymous memory";
            case MEMFD -> "shared memory (memfd)";
            case HUGETLB_2M -> "huge pages of 2 MiB";
        };
    }

    /** Memory to try it out with: two pages, or one huge one, none of them there. */
    private record TestPage(Mapping mapping, Optional<Memfd> memfd) implements AutoCloseable {

        static TestPage of(RamBacking kind) throws LinuxException {
            return switch (kind) {
                case ANONYMOUS -> new TestPage(Mapping.anonymous(2L * Page.SIZE_BYTES), Optional.empty());
                case MEMFD -> ofMemfd(2L * Page.SIZE_BYTES, HugePageSize.NONE);
                case HUGETLB_2M -> ofMemfd(HugePageSize.MIB_2.pageBytes(), HugePageSize.MIB_2);
            };
        }

        private static TestPage ofMemfd(long lengthBytes, HugePageSize pages) throws LinuxException {
            Memfd memfd = Memfd.create("godwit-postcopy-test", lengthBytes, pages);
            try {
                return new TestPage(
                        Mapping.of(memfd, 0, lengthBytes, Sharing.SHARED, Protection.READ_WRITE), Optional.of(memfd));
            } catch (LinuxException e) {
                memfd.close();
                throw e;
            }
        }

        @Override
        public void close() {
            mapping.close();
            memfd.ifPresent(Memfd::close);
        }
    }
}
