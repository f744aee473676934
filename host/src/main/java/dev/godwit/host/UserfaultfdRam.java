package dev.godwit.host;

import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.linux.Advice;
import dev.godwit.linux.Errno;
import dev.godwit.linux.HugePageSize;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.Userfaultfd.Mode;
import dev.godwit.linux.Userfaultfd.Request;
import dev.godwit.linux.UserfaultfdFeature;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The RAM of a machine under a userfaultfd: pages that are missing are reported by a thread named {@code fault}, and
 * placed by whoever has them.
 *
 * <p>The descriptor is closed by {@link #end} and {@link #abandon} only: closing it would show zeros to whoever waits.
 */
public final class UserfaultfdRam implements PostcopyRam {

    private final RamAllocation ram;
    private final PostcopySupport support;
    private final List<Boolean> takesZeroPage = new ArrayList<>();
    private @Nullable MemorySegment zeros;
    private @Nullable Userfaultfd prepared;
    private volatile @Nullable Userfaultfd faults;
    private @Nullable FaultThread thread;

    /**
     * RAM that is ordinary so far.
     *
     * @param ram not closed here, and not before {@link #end} or {@link #abandon}
     * @param kernelFaults whether the kernel itself touches it for the guest, as KVM does
     */
    public UserfaultfdRam(RamAllocation ram, boolean kernelFaults) {
        this.ram = ram;
        this.support = PostcopySupport.of(ram, kernelFaults);
    }

    @Override
    public GuestMemory memory() {
        return ram.memory();
    }

    @Override
    public MemoryAhead ahead() {
        return new TouchAhead(ram);
    }

    @Override
    public List<String> refusals() {
        return support.refusals();
    }

    @Override
    public void forbidHugePages() throws IOException {
        for (int block = 0; block < memory().blocks().size(); block++) {
            advise(block, Advice.NOHUGEPAGE);
        }
    }

    /** Of pages from the pool there is nothing to be said, nor to a kernel without transparent huge pages. */
    private void advise(int block, Advice advice) throws IOException {
        if (hostPageBytes(block) == Page.SIZE_BYTES) {
            try {
                ram.mapping(block).advise(advice);
            } catch (LinuxException e) {
                if (!e.errno().equals(Errno.EINVAL)) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void discard(int blockIndex, long offsetBytes, long lengthBytes) throws IOException {
        Optional<Memfd> memfd = ram.memfd(blockIndex);
        if (memfd.isPresent()) {
            memfd.get().punchHole(offsetBytes, lengthBytes);
        }
        if (memfd.isEmpty() || memfd.get().pages() == HugePageSize.NONE) {
            ram.mapping(blockIndex).advise(Advice.DONTNEED, offsetBytes, lengthBytes);
        }
    }

    /** Not in the time for which the guest stands still: a thread alone may take milliseconds where others are busy. */
    @Override
    public synchronized void prepare(FaultListener listener) throws IOException {
        prepared(listener);
    }

    private Userfaultfd prepared(FaultListener listener) throws IOException {
        Userfaultfd made = prepared;
        if (made == null) {
            made = support.open(Set.of(UserfaultfdFeature.THREAD_ID));
            try {
                thread = FaultThread.start(made, memory(), listener);
            } catch (IOException | RuntimeException | Error e) {
                made.close();
                throw e;
            }
            prepared = made;
        }
        return made;
    }

    @Override
    public synchronized void listen(FaultListener listener) throws IOException {
        Userfaultfd opened = prepared(listener);
        try {
            takesZeroPage.clear();
            for (int block = 0; block < memory().blocks().size(); block++) {
                Mapping mapping = ram.mapping(block);
                Set<Request> requests = opened.register(mapping.address(), mapping.lengthBytes(), Mode.MISSING);
                if (!requests.contains(Request.COPY)) {
                    throw new IOException("block %s: the kernel cannot place pages in its memory"
                            .formatted(memory().layout().block(block).id()));
                }
                takesZeroPage.add(requests.contains(Request.ZEROPAGE));
            }
            zeros = Arena.ofAuto().allocate(largestPageWithoutZeroPage(), Page.SIZE_BYTES);
            faults = opened;
            prepared = null;
        } catch (IOException | RuntimeException | Error e) {
            abandon();
            throw e;
        }
    }

    private long largestPageWithoutZeroPage() {
        long bytes = Page.SIZE_BYTES;
        for (int block = 0; block < takesZeroPage.size(); block++) {
            if (!takesZeroPage.get(block)) {
                bytes = Math.max(bytes, hostPageBytes(block));
            }
        }
        return bytes;
    }

    @Override
    public void place(int blockIndex, long offsetBytes, long sourceAddress) throws IOException {
        long target = memory().hostAddress(blockIndex, offsetBytes);
        long lengthBytes = hostPageBytes(blockIndex);
        long result;
        do {
            result = faults().copy(target, sourceAddress, lengthBytes, false, true);
        } while (result == -Errno.EAGAIN.code());
        check(result, blockIndex, offsetBytes, lengthBytes);
    }

    @Override
    public long placeRun(int blockIndex, long offsetBytes, long sourceAddress, long lengthBytes) throws IOException {
        long target = memory().hostAddress(blockIndex, offsetBytes);
        return Math.max(0, faults().copy(target, sourceAddress, lengthBytes, false, true));
    }

    @Override
    public void placeZero(int blockIndex, long offsetBytes) throws IOException {
        MemorySegment zeroPage = zeros;
        if (zeroPage != null && !takesZeroPage.get(blockIndex)) {
            place(blockIndex, offsetBytes, zeroPage.address());
            return;
        }
        long lengthBytes = hostPageBytes(blockIndex);
        long result;
        do {
            result = faults().zeroPage(memory().hostAddress(blockIndex, offsetBytes), lengthBytes, true);
        } while (result == -Errno.EAGAIN.code());
        check(result, blockIndex, offsetBytes, lengthBytes);
    }

    private void check(long result, int blockIndex, long offsetBytes, long lengthBytes) throws IOException {
        if (result == lengthBytes) {
            return;
        }
        String page = "page 0x%x of block %s"
                .formatted(offsetBytes, memory().layout().block(blockIndex).id());
        if (result == -Errno.EEXIST.code()) {
            throw new IOException(page + " came in the postcopy phase, and is here already: it was not discarded");
        }
        throw new IOException("%s cannot be placed: %s"
                .formatted(page, result < 0 ? new Errno((int) -result) : result + " of " + lengthBytes + " bytes"));
    }

    @Override
    public void wake(int blockIndex, long offsetBytes) {
        Userfaultfd now = faults;
        if (now != null) {
            // woken for nothing it would only wait again; one that is not woken because all has ended is awake
            long _ = now.wake(memory().hostAddress(blockIndex, offsetBytes), hostPageBytes(blockIndex));
        }
    }

    @Override
    public synchronized void end() throws IOException {
        Userfaultfd now = faults();
        if (thread != null) {
            thread.end();
        }
        for (int block = 0; block < memory().blocks().size(); block++) {
            Mapping mapping = ram.mapping(block);
            if (ram.transparentHugePages() != TransparentHugePages.UNWANTED) {
                advise(block, Advice.HUGEPAGE);
            }
            now.unregister(mapping.address(), mapping.lengthBytes());
        }
        faults = null;
        now.close();
    }

    @Override
    public synchronized void abandon() {
        Userfaultfd now = prepared == null ? faults : prepared;
        if (now != null) {
            if (thread != null) {
                thread.end();
            }
            prepared = null;
            faults = null;
            now.close(); // also where it is the end of the program, whose threads would wait on
        }
    }

    private Userfaultfd faults() throws IOException {
        Userfaultfd now = faults;
        if (now == null) {
            throw new IOException("the memory is not under a userfaultfd (any more)");
        }
        return now;
    }

    private long hostPageBytes(int blockIndex) {
        return memory().hostPageBytes().get(blockIndex);
    }
}
