package dev.godwit.host;

import dev.godwit.engine.background.WriteTracking;
import dev.godwit.engine.machine.Machine;
import dev.godwit.linux.Errno;
import dev.godwit.linux.EventFd;
import dev.godwit.linux.FaultEvents;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.Poll;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.Userfaultfd.Mode;
import dev.godwit.linux.Userfaultfd.Request;
import dev.godwit.linux.Userfaultfd.Way;
import dev.godwit.linux.UserfaultfdFeature;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;

/**
 * Synchronous write protection by userfaultfd, of anonymous memory, memory files and huge pages (Linux 5.7; memory
 * files and huge pages 5.19). Blocks that the guest cannot write are left out.
 *
 * <p>Seen is what is written through the mapping of the {@link GuestMemory}: not what comes by another mapping of a
 * memory file, or by writing the file. The memory cannot have another userfaultfd meanwhile.
 */
public final class UserfaultfdWriteTracking implements WriteTracking {

    private static final Set<UserfaultfdFeature> NEEDED =
            Set.of(UserfaultfdFeature.PAGEFAULT_FLAG_WP, UserfaultfdFeature.THREAD_ID);
    private static final Set<UserfaultfdFeature> USEFUL =
            Set.of(UserfaultfdFeature.WP_HUGETLBFS_SHMEM, UserfaultfdFeature.WP_UNPOPULATED);
    private static final Way[] KERNEL_TOO = {Way.SYSTEM_CALL, Way.DEVICE};
    private static final Way[] USER_CODE_DOES = {Way.SYSTEM_CALL, Way.DEVICE, Way.USER_MODE_ONLY};
    private static final int EVENTS = 64;

    private final GuestMemory memory;
    private final Userfaultfd userfaultfd;
    private final EventFd wakeUp;
    private final FaultEvents events = new FaultEvents(EVENTS);
    private final boolean[] tracked;
    private volatile boolean ending;
    private boolean closed;
    /** Nobody can have waited before this was made. */
    private long lastReadNs = System.nanoTime();

    private UserfaultfdWriteTracking(GuestMemory memory, Userfaultfd userfaultfd, EventFd wakeUp) {
        this.memory = memory;
        this.userfaultfd = userfaultfd;
        this.wakeUp = wakeUp;
        this.tracked = new boolean[memory.layout().blocks().size()];
    }

    /**
     * {@return why this kernel, or this user's rights, do not allow it, with what mends it; empty where they do}
     *
     * @param kernelToo whether writes of the kernel have to be tracked as well: vCPUs of KVM, system calls
     */
    public static Optional<String> missing(boolean kernelToo) {
        try (Userfaultfd _ = open(kernelToo)) {
            return Optional.empty();
        } catch (LinuxException e) {
            return Optional.of(refusal(e, kernelToo));
        }
    }

    /** {@return why the memory of a machine cannot be tracked: each block is tried, and undone; empty where it can} */
    public static Optional<String> incompatible(Machine machine) {
        try (UserfaultfdWriteTracking _ = start(machine)) {
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    /**
     * {@return the tracking of a machine's memory, with nothing protected yet} The machine may run.
     *
     * @throws IOException if the host cannot do it, or not with a block, which the message names; the memory is as it
     *     was
     */
    public static UserfaultfdWriteTracking start(Machine machine) throws IOException {
        return start(machine.memory(), machine.readOnlyBlocks(), machine.isWrittenByKernel());
    }

    /**
     * {@return the tracking of memory, with nothing protected yet}
     *
     * @param readOnlyBlocks the ids of blocks that are left out, as are those whose segment is read-only
     * @param kernelToo whether writes of the kernel have to be tracked as well: vCPUs of KVM, system calls
     * @throws IOException as {@link #start(Machine)}
     */
    public static UserfaultfdWriteTracking start(GuestMemory memory, Set<String> readOnlyBlocks, boolean kernelToo)
            throws IOException {
        Userfaultfd userfaultfd;
        try {
            userfaultfd = open(kernelToo);
        } catch (LinuxException e) {
            throw new IOException(refusal(e, kernelToo), e);
        }
        EventFd wakeUp;
        try {
            wakeUp = EventFd.create();
        } catch (LinuxException e) {
            userfaultfd.close();
            throw e;
        }
        UserfaultfdWriteTracking tracking = new UserfaultfdWriteTracking(memory, userfaultfd, wakeUp);
        try {
            tracking.register(readOnlyBlocks);
            return tracking;
        } catch (IOException | RuntimeException | Error e) {
            tracking.close();
            throw e;
        }
    }

    private static Userfaultfd open(boolean kernelToo) throws LinuxException {
        return Userfaultfd.open(NEEDED, USEFUL, kernelToo ? KERNEL_TOO : USER_CODE_DOES);
    }

    private static String refusal(LinuxException e, boolean kernelToo) {
        String rights = kernelToo
                ? "; it needs the right to handle faults of the kernel: root, access to /dev/userfaultfd, or"
                        + " 'sysctl vm.unprivileged_userfaultfd=1'"
                : "";
        return "write tracking needs Linux 5.7 and a userfaultfd: " + e.getMessage() + rights;
    }

    private void register(Set<String> readOnlyBlocks) throws IOException {
        for (int block = 0; block < tracked.length; block++) {
            String id = memory.layout().block(block).id();
            if (readOnlyBlocks.contains(id) || memory.block(block).isReadOnly()) {
                continue;
            }
            long address = memory.hostAddress(block, 0);
            long lengthBytes = memory.layout().block(block).lengthBytes();
            if (!userfaultfd.features().contains(UserfaultfdFeature.WP_UNPOPULATED)) {
                NativeMemory.populate(address, lengthBytes); // a page that is not there cannot be protected
            }
            Set<Request> requests;
            try {
                requests = userfaultfd.register(address, lengthBytes, Mode.WRITE_PROTECT);
            } catch (LinuxException e) {
                throw e.errno().equals(Errno.EBUSY)
                        ? new IOException(
                                "block %s is busy with a dirty log, another snapshot or postcopy".formatted(id), e)
                        : new IOException("writes to block %s cannot be tracked: %s".formatted(id, e.getMessage()), e);
            }
            tracked[block] = true;
            if (!requests.contains(Request.WRITEPROTECT)) {
                throw new IOException(
                        "writes to block %s cannot be tracked: its memory takes no write protection, only %s"
                                .formatted(id, requests));
            }
        }
    }

    @Override
    public boolean isTracked(int blockIndex) {
        return tracked[blockIndex];
    }

    @Override
    public int unitPages(int blockIndex) {
        return (int) (memory.hostPageBytes().get(blockIndex) / Page.SIZE_BYTES);
    }

    @Override
    public void protect(int blockIndex, long firstPage, long pages) throws IOException {
        writeProtect(blockIndex, firstPage, pages, true);
    }

    @Override
    public void letGo(int blockIndex, long firstPage, long pages) throws IOException {
        writeProtect(blockIndex, firstPage, pages, false);
    }

    private void writeProtect(int blockIndex, long firstPage, long pages, boolean protect) throws IOException {
        long address = memory.hostAddress(blockIndex, firstPage * Page.SIZE_BYTES);
        long result;
        do {
            result = userfaultfd.writeProtect(address, pages * Page.SIZE_BYTES, protect, !protect);
        } while (result == -Errno.EAGAIN.code());
        if (result < 0) {
            throw new LinuxException(
                    "ioctl UFFDIO_WRITEPROTECT",
                    new Errno((int) -result),
                    "%d pages from page %d of block %s"
                            .formatted(
                                    pages,
                                    firstPage,
                                    memory.layout().block(blockIndex).id()));
        }
    }

    @Override
    public boolean awaitWrites(WaitingWrites listener) throws IOException {
        long sinceNs = lastReadNs;
        lastReadNs = System.nanoTime();
        int count = ending ? 0 : userfaultfd.read(events);
        if (count == 0) {
            if (ending || !userfaultfd.await(wakeUp, Poll.FOREVER)) {
                return !ending;
            }
            lastReadNs = System.nanoTime();
            sinceNs = lastReadNs;
            count = userfaultfd.read(events);
        }
        for (int i = 0; i < count; i++) {
            if (events.isPageFault(i)) {
                tell(listener, i, sinceNs);
            }
        }
        return true;
    }

    private void tell(WaitingWrites listener, int index, long sinceNs) throws IOException {
        long address = events.address(index);
        for (int block = 0; block < tracked.length; block++) {
            long offsetBytes = address - memory.hostAddress(block, 0);
            if (offsetBytes >= 0 && offsetBytes < memory.layout().block(block).lengthBytes()) {
                listener.waits(block, offsetBytes / Page.SIZE_BYTES, events.threadId(index), sinceNs);
                return;
            }
        }
        throw new IOException("a thread waits at address %x, which is in no block".formatted(address));
    }

    @Override
    public void endWaiting() {
        ending = true;
        try {
            wakeUp.signal();
        } catch (LinuxException e) {
            if (!e.errno().equals(Errno.EBADF)) { // closed: nobody waits any more
                throw new IllegalStateException(e);
            }
        }
    }

    /** {@inheritDoc} The reader of faults, if there is one, is woken, and lets go of the descriptor when it ends. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        endWaiting();
        for (int block = 0; block < tracked.length; block++) {
            if (tracked[block]) {
                unregister(block);
            }
        }
        userfaultfd.close();
        wakeUp.close();
    }

    /** The descriptor itself closes only when its reader has let go of it, and nobody is to wait that long. */
    private void unregister(int block) {
        try {
            userfaultfd.unregister(
                    memory.hostAddress(block, 0), memory.layout().block(block).lengthBytes());
        } catch (LinuxException e) {
            System.getLogger("dev.godwit.host")
                    .log(
                            System.Logger.Level.WARNING,
                            "the protection of block "
                                    + memory.layout().block(block).id() + " is lifted when its userfaultfd is closed",
                            e);
        }
    }
}
