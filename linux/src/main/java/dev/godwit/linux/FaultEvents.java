package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.ReadWriteCalls;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one {@link Userfaultfd#read} brought, in memory that is used again for the next. It belongs to the thread that
 * reads.
 *
 * <p>Page faults, which are nearly all there is, are looked at without allocating: {@link #isPageFault},
 * {@link #address}, {@link #isWrite} … with an index; everything else as an {@link Event}.
 *
 * <p>{@code struct uffd_msg} of {@code linux/userfaultfd.h}, 32 bytes:
 *
 * <pre>
 *  0  1  event          12h page fault, 13h fork, 14h remap, 15h remove, 16h unmap
 *  8  8  flags          page fault · fork: u32 descriptor · remap: from · remove, unmap: start
 * 16  8  address        page fault · remap: to · remove, unmap: end
 * 24  4  thread id      page fault · remap: u64 length
 * </pre>
 */
public final class FaultEvents implements Closeable {

    static final int UFFD_EVENT_PAGEFAULT = 0x12;
    static final int UFFD_EVENT_FORK = 0x13;
    static final int UFFD_EVENT_REMAP = 0x14;
    static final int UFFD_EVENT_REMOVE = 0x15;
    static final int UFFD_EVENT_UNMAP = 0x16;
    static final long UFFD_PAGEFAULT_FLAG_WRITE = 1;
    static final long UFFD_PAGEFAULT_FLAG_WP = 2;
    static final long UFFD_PAGEFAULT_FLAG_MINOR = 4;

    /** {@code struct uffd_msg}. */
    static final StructLayout UFFD_MSG_LAYOUT = MemoryLayout.structLayout(
                    JAVA_BYTE.withName("event"),
                    MemoryLayout.paddingLayout(7),
                    JAVA_LONG.withName("arg.pagefault.flags"),
                    JAVA_LONG.withName("arg.pagefault.address"),
                    JAVA_INT.withName("arg.pagefault.feat.ptid"),
                    MemoryLayout.paddingLayout(4))
            .withName("uffd_msg");

    private static final long BYTES = UFFD_MSG_LAYOUT.byteSize();

    /** Something that happened to registered memory. */
    public sealed interface Event {
        /**
         * A thread waits for a page.
         *
         * @param address where; the page's start unless {@link UserfaultfdFeature#EXACT_ADDRESS} is on
         * @param write whether it wants to write
         * @param writeProtect whether the page is there but write-protected
         * @param minor whether the file has the page and only the mapping lacks it
         * @param threadId who waits, 0 unless {@link UserfaultfdFeature#THREAD_ID} is on
         */
        record PageFault(long address, boolean write, boolean writeProtect, boolean minor, int threadId)
                implements Event {}

        /**
         * The process was forked.
         *
         * @param child the faults of the child, owned by whoever takes this event
         */
        record Fork(Userfaultfd child) implements Event {}

        /**
         * A mapping was moved.
         *
         * @param fromAddress where it was
         * @param toAddress where it is
         * @param lengthBytes its length
         */
        record Remap(long fromAddress, long toAddress, long lengthBytes) implements Event {}

        /**
         * Memory was discarded; its pages are missing again.
         *
         * @param startAddress the first byte
         * @param endAddress the byte behind the last
         */
        record Remove(long startAddress, long endAddress) implements Event {}

        /**
         * A mapping was taken away.
         *
         * @param startAddress the first byte
         * @param endAddress the byte behind the last
         */
        record Unmap(long startAddress, long endAddress) implements Event {}
    }

    private final MemorySegment messages;
    private final @Nullable Userfaultfd[] children;
    private final int capacity;
    private int count;

    /**
     * Room for events.
     *
     * @param capacity how many one read brings at most; the rest come with the next
     */
    public FaultEvents(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("the capacity " + capacity + " is not positive");
        }
        this.capacity = capacity;
        this.messages = Arena.ofAuto().allocate(capacity * BYTES, 8);
        this.children = new Userfaultfd[capacity];
    }

    int readFrom(Userfaultfd userfaultfd) throws LinuxException {
        close();
        Descriptor descriptor = userfaultfd.descriptor();
        int fd = descriptor.borrow();
        long result;
        try {
            do {
                result = fd < 0 ? fd : ReadWriteCalls.read(fd, messages.address(), capacity * BYTES);
            } while (result == -Errno.EINTR.code());
        } finally {
            descriptor.giveBack();
        }
        if (result == -Errno.EAGAIN.code()) {
            return 0;
        }
        take(LinuxException.check("read", result, descriptor), userfaultfd.features());
        return count;
    }

    private void take(long bytes, Set<UserfaultfdFeature> features) {
        count = (int) (bytes / BYTES);
        for (int i = 0; i < count; i++) {
            if (kind(i) == UFFD_EVENT_FORK) { // owned at once, so that it is closed even if nobody looks at it
                Descriptor child = Descriptor.own(messages.get(JAVA_INT, at(i) + 8), "userfaultfd of a child");
                children[i] = Userfaultfd.ofChild(child, features);
            }
        }
    }

    /** Takes messages as if they had been read. */
    void takeMessages(MemorySegment source, Set<UserfaultfdFeature> features) {
        close();
        messages.copyFrom(source);
        take(source.byteSize(), features);
    }

    /** {@return how many the last read brought} */
    public int count() {
        return count;
    }

    /** {@return whether an event is a page fault, so that the methods below tell of it} */
    public boolean isPageFault(int index) {
        return kind(index) == UFFD_EVENT_PAGEFAULT;
    }

    /** {@return where a thread waits for a page} */
    public long address(int index) {
        return messages.get(JAVA_LONG, at(index) + 16);
    }

    /** {@return whether it wants to write} */
    public boolean isWrite(int index) {
        return (flags(index) & UFFD_PAGEFAULT_FLAG_WRITE) != 0;
    }

    /** {@return whether the page is there but write-protected} */
    public boolean isWriteProtect(int index) {
        return (flags(index) & UFFD_PAGEFAULT_FLAG_WP) != 0;
    }

    /** {@return whether the file has the page and only the mapping lacks it} */
    public boolean isMinor(int index) {
        return (flags(index) & UFFD_PAGEFAULT_FLAG_MINOR) != 0;
    }

    /** {@return who waits, 0 unless {@link UserfaultfdFeature#THREAD_ID} is on} */
    public int threadId(int index) {
        return messages.get(JAVA_INT, at(index) + 24);
    }

    /**
     * {@return an event of any kind} A {@link Event.Fork} is handed out once, and its taker owns the child; one that
     * nobody takes is closed by the next read.
     *
     * @throws IllegalStateException for a fork that was taken before
     * @throws UnsupportedOperationException for an event that is not known here, by its number
     */
    public Event event(int index) {
        long first = flags(index);
        long second = address(index);
        return switch (kind(index)) {
            case UFFD_EVENT_PAGEFAULT ->
                new Event.PageFault(second, isWrite(index), isWriteProtect(index), isMinor(index), threadId(index));
            case UFFD_EVENT_FORK -> new Event.Fork(takeChild(index));
            case UFFD_EVENT_REMAP -> new Event.Remap(first, second, messages.get(JAVA_LONG, at(index) + 24));
            case UFFD_EVENT_REMOVE -> new Event.Remove(first, second);
            case UFFD_EVENT_UNMAP -> new Event.Unmap(first, second);
            default -> throw new UnsupportedOperationException("userfaultfd event " + kind(index));
        };
    }

    private Userfaultfd takeChild(int index) {
        Userfaultfd child = children[index];
        if (child == null) {
            throw new IllegalStateException("the child of event " + index + " was taken before");
        }
        children[index] = null;
        return child;
    }

    private int kind(int index) {
        return messages.get(JAVA_BYTE, at(index));
    }

    private long flags(int index) {
        return messages.get(JAVA_LONG, at(index) + 8);
    }

    private long at(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index + " of " + count + " events");
        }
        return index * BYTES;
    }

    /** Forgets what was read, and closes the children that nobody took. It can be used again. */
    @Override
    public void close() {
        for (int i = 0; i < count; i++) {
            Userfaultfd child = children[i];
            if (child != null) {
                child.close();
                children[i] = null;
            }
        }
        count = 0;
    }
}
