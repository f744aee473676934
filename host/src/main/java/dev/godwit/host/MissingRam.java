package dev.godwit.host;

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
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Guest memory all of whose pages are missing until they are placed, each in one step as the guest sees it: who touches
 * one before waits for it. Pages are placed by any thread, and each once; one thread hears of those that are waited
 * for.
 *
 * <p>{@link #end} shows zeros to whoever waits, and is called only when what is still missing is zero, or nobody can
 * see it any more.
 */
final class MissingRam implements AutoCloseable {

    /** Hears which pages are waited for. */
    interface Faults {
        /** A host page is waited for. */
        void waitedFor(int blockIndex, long hostPage);
    }

    private final GuestMemory memory;
    private final Userfaultfd userfaultfd;
    private final EventFd wakeUp;
    private final List<Boolean> takesZeroPage = new ArrayList<>();
    private final MemorySegment zeros;

    private MissingRam(GuestMemory memory, Userfaultfd userfaultfd, EventFd wakeUp) {
        this.memory = memory;
        this.userfaultfd = userfaultfd;
        this.wakeUp = wakeUp;
        this.zeros = Arena.ofAuto()
                .allocate(
                        memory.hostPageBytes().stream()
                                .mapToLong(bytes -> bytes)
                                .max()
                                .orElse(Page.SIZE_BYTES),
                        Page.SIZE_BYTES);
    }

    /**
     * Discards what is in memory, and has its pages missing from now on.
     *
     * @param kernelFaults whether the kernel itself touches it for the guest, as KVM does
     * @throws IOException if this user may have no userfaultfd, or the memory is of a kind that it does not work on;
     *     the memory is ordinary then
     */
    static MissingRam begin(GuestMemory memory, boolean kernelFaults) throws IOException {
        Userfaultfd userfaultfd = open(kernelFaults);
        try {
            EventFd wakeUp = EventFd.create();
            try {
                MissingRam missing = new MissingRam(memory, userfaultfd, wakeUp);
                missing.register();
                return missing;
            } catch (IOException | RuntimeException e) {
                wakeUp.close();
                throw e;
            }
        } catch (IOException | RuntimeException e) {
            userfaultfd.close();
            throw e;
        }
    }

    private static Userfaultfd open(boolean kernelFaults) throws IOException {
        Set<UserfaultfdFeature> optional =
                Set.of(UserfaultfdFeature.MISSING_SHMEM, UserfaultfdFeature.MISSING_HUGETLBFS);
        try {
            return kernelFaults
                    ? Userfaultfd.open(Set.of(), optional, Way.DEVICE, Way.SYSTEM_CALL)
                    : Userfaultfd.open(Set.of(), optional);
        } catch (LinuxException e) {
            throw new IOException(
                    "no userfaultfd is to be had%s: %s; a user other than root needs access to /dev/userfaultfd or"
                                    .formatted(
                                            kernelFaults ? " for faults inside the kernel, as KVM has them" : "",
                                            e.getMessage())
                            + " sysctl vm.unprivileged_userfaultfd=1",
                    e);
        }
    }

    private void register() throws IOException {
        for (int block = 0; block < memory.blocks().size(); block++) {
            long lengthBytes = memory.block(block).byteSize();
            NativeMemory.discard(memory.hostAddress(block, 0), lengthBytes);
            Set<Request> requests = userfaultfd.register(memory.hostAddress(block, 0), lengthBytes, Mode.MISSING);
            if (!requests.contains(Request.COPY)) {
                throw new IOException("block %s: the kernel cannot place pages in its memory"
                        .formatted(memory.layout().block(block).id()));
            }
            takesZeroPage.add(requests.contains(Request.ZEROPAGE));
        }
    }

    /**
     * Places host pages with their content.
     *
     * @param content whole host pages, in memory of this process that is there
     * @throws IOException if the kernel refuses, for one because it has no memory left; part may have been placed
     */
    void place(int blockIndex, long offsetBytes, MemorySegment content) throws IOException {
        long placed = 0;
        while (placed < content.byteSize()) {
            placed += placed(
                    userfaultfd.copy(
                            memory.hostAddress(blockIndex, offsetBytes + placed),
                            content.address() + placed,
                            content.byteSize() - placed,
                            false,
                            true),
                    blockIndex,
                    offsetBytes + placed);
        }
    }

    /** Places a host page of zeros; as {@link #place}. */
    void placeZero(int blockIndex, long offsetBytes) throws IOException {
        long hostPageBytes = memory.hostPageBytes().get(blockIndex);
        if (!takesZeroPage.get(blockIndex)) {
            place(blockIndex, offsetBytes, zeros.asSlice(0, hostPageBytes));
            return;
        }
        long at = memory.hostAddress(blockIndex, offsetBytes);
        while (placed(userfaultfd.zeroPage(at, hostPageBytes, true), blockIndex, offsetBytes) == 0) {
            Thread.onSpinWait();
        }
    }

    /** {@return how much was done, 0 where it has to be tried again} */
    private long placed(long result, int blockIndex, long offsetBytes) throws IOException {
        if (result == -Errno.EAGAIN.code()) {
            return 0;
        }
        if (result < 0) {
            throw new IOException("page 0x%x of block %s cannot be placed: %s"
                    .formatted(offsetBytes, memory.layout().block(blockIndex).id(), new Errno((int) -result)));
        }
        return result;
    }

    /**
     * Waits until pages are waited for, or {@link #wake} was called, and tells them.
     *
     * @param events room for them, the calling thread's
     * @throws IOException if the kernel fails
     */
    void await(FaultEvents events, Faults faults) throws IOException {
        if (!userfaultfd.await(wakeUp, Poll.FOREVER)) {
            wakeUp.drain();
            return;
        }
        int count = userfaultfd.read(events);
        for (int index = 0; index < count; index++) {
            if (events.isPageFault(index)) {
                tell(events.address(index), faults);
            }
        }
    }

    private void tell(long address, Faults faults) {
        for (int block = 0; block < memory.blocks().size(); block++) {
            long offsetBytes = address - memory.hostAddress(block, 0);
            if (offsetBytes >= 0 && offsetBytes < memory.block(block).byteSize()) {
                faults.waitedFor(block, offsetBytes / memory.hostPageBytes().get(block));
                return;
            }
        }
        throw new IllegalStateException("a fault outside of the guest's memory, at " + Long.toHexString(address));
    }

    /** Ends the wait in {@link #await} that is under way, or the next. */
    void wake() throws IOException {
        wakeUp.signal();
    }

    /** Makes the memory ordinary: what is still missing is zero. Nobody uses this any more. */
    void end() throws IOException {
        try {
            for (int block = 0; block < memory.blocks().size(); block++) {
                userfaultfd.unregister(
                        memory.hostAddress(block, 0), memory.block(block).byteSize());
            }
        } finally {
            userfaultfd.close();
        }
    }

    /** Frees the rest, after {@link #end}. */
    @Override
    public void close() {
        wakeUp.close();
    }
}
