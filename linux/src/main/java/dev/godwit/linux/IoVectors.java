package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.VectorCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/**
 * Pieces of memory that are written or read together by one call, without copying them into one place first. It belongs
 * to one thread, and is used again and again: nothing is allocated but in the constructor.
 *
 * <p>What a call did is taken off the front, so that after a partial one the next goes on behind it. The memory must
 * stay until then. Pages that a userfaultfd has missing are waited for, as in any native code.
 */
public final class IoVectors {

    /** How many pieces the kernel takes in one call. */
    public static final int CAPACITY_MAX = VectorCalls.IOV_MAX;

    /** {@code struct iovec} of {@code sys/uio.h}. */
    static final StructLayout IOVEC_LAYOUT = MemoryLayout.structLayout(
                    JAVA_LONG.withName("iov_base"), JAVA_LONG.withName("iov_len"))
            .withName("iovec");

    private static final long BYTES = IOVEC_LAYOUT.byteSize();

    private final MemorySegment vectors;
    private final int capacity;
    private int first;
    private int end;
    private long remainingBytes;

    /**
     * Room for pieces.
     *
     * @param capacity how many, 1 to {@link #CAPACITY_MAX}
     */
    public IoVectors(int capacity) {
        if (capacity < 1 || capacity > CAPACITY_MAX) {
            throw new IllegalArgumentException("the capacity " + capacity + " is not in 1 to " + CAPACITY_MAX);
        }
        this.capacity = capacity;
        this.vectors = Arena.ofAuto().allocate(capacity * BYTES, 8);
    }

    /** Forgets all pieces. */
    public void clear() {
        first = 0;
        end = 0;
        remainingBytes = 0;
    }

    /**
     * Adds a piece behind the others; one that goes on where the last ended becomes one with it.
     *
     * @param lengthBytes positive
     * @throws IllegalStateException if it is full
     */
    public void add(long address, long lengthBytes) {
        if (lengthBytes <= 0) {
            throw new IllegalArgumentException("the length " + lengthBytes + " is not positive");
        }
        if (end > first && base(end - 1) + length(end - 1) == address) {
            set(end - 1, base(end - 1), length(end - 1) + lengthBytes);
        } else if (end == capacity) {
            throw new IllegalStateException("there is room for " + capacity + " pieces only");
        } else {
            set(end++, address, lengthBytes);
        }
        remainingBytes += lengthBytes;
    }

    /** {@return whether another piece might not fit} */
    public boolean isFull() {
        return end == capacity;
    }

    /** {@return how many pieces are left} */
    public int count() {
        return end - first;
    }

    /** {@return how many bytes are left} */
    public long remainingBytes() {
        return remainingBytes;
    }

    /** Writes once, where the descriptor stands. {@return how many bytes, which are taken off; or minus errno} */
    public long write(Descriptor descriptor) {
        int fd = descriptor.borrow();
        try {
            return taken(fd < 0 ? fd : VectorCalls.writev(fd, address(), count()));
        } finally {
            descriptor.giveBack();
        }
    }

    /** Writes once, at a position of a file. {@return how many bytes, which are taken off; or minus errno} */
    public long write(Descriptor descriptor, long positionBytes) {
        int fd = descriptor.borrow();
        try {
            return taken(fd < 0 ? fd : VectorCalls.pwritev(fd, address(), count(), positionBytes));
        } finally {
            descriptor.giveBack();
        }
    }

    /** Reads once, where the descriptor stands. {@return how many bytes, 0 at the end; or minus errno} */
    public long read(Descriptor descriptor) {
        int fd = descriptor.borrow();
        try {
            return taken(fd < 0 ? fd : VectorCalls.readv(fd, address(), count()));
        } finally {
            descriptor.giveBack();
        }
    }

    /** Reads once, from a position of a file. {@return how many bytes, 0 at the end; or minus errno} */
    public long read(Descriptor descriptor, long positionBytes) {
        int fd = descriptor.borrow();
        try {
            return taken(fd < 0 ? fd : VectorCalls.preadv(fd, address(), count(), positionBytes));
        } finally {
            descriptor.giveBack();
        }
    }

    /**
     * Writes all that is left, where the descriptor stands.
     *
     * @throws LinuxException if the kernel refuses; what was written is taken off
     */
    public void writeAll(Descriptor descriptor) throws LinuxException {
        while (remainingBytes > 0) {
            checkProgress("writev", write(descriptor), descriptor);
        }
    }

    /** Writes all that is left, from a position of a file on; otherwise as {@link #writeAll(Descriptor)}. */
    public void writeAll(Descriptor descriptor, long positionBytes) throws LinuxException {
        long start = positionBytes + remainingBytes;
        while (remainingBytes > 0) {
            checkProgress("pwritev", write(descriptor, start - remainingBytes), descriptor);
        }
    }

    /**
     * Reads until all is filled or the other side ends.
     *
     * @return how many bytes
     */
    public long readAll(Descriptor descriptor) throws LinuxException {
        long wanted = remainingBytes;
        while (remainingBytes > 0) {
            long result = read(descriptor);
            if (result == 0) {
                break;
            }
            checkProgress("readv", result, descriptor);
        }
        return wanted - remainingBytes;
    }

    /** Reads from a position of a file on until all is filled or the file ends. {@return how many bytes} */
    public long readAll(Descriptor descriptor, long positionBytes) throws LinuxException {
        long wanted = remainingBytes;
        while (remainingBytes > 0) {
            long result = read(descriptor, positionBytes + wanted - remainingBytes);
            if (result == 0) {
                break;
            }
            checkProgress("preadv", result, descriptor);
        }
        return wanted - remainingBytes;
    }

    private void checkProgress(String call, long result, Descriptor descriptor) throws LinuxException {
        if (result == 0) { // a write of nothing would go on for ever
            throw new LinuxException(call, Errno.ENOSPC, remainingBytes + " bytes more to " + descriptor);
        }
        if (result != -Errno.EINTR.code()) {
            LinuxException.check(call, result, descriptor);
        }
    }

    private long taken(long result) {
        long rest = Math.max(0, result);
        remainingBytes -= rest;
        while (rest > 0) {
            long length = length(first);
            if (rest < length) {
                set(first, base(first) + rest, length - rest);
                return result;
            }
            rest -= length;
            first++;
        }
        if (first == end) {
            clear();
        }
        return result;
    }

    private long address() {
        return vectors.address() + first * BYTES;
    }

    private long base(int index) {
        return vectors.get(JAVA_LONG, index * BYTES);
    }

    private long length(int index) {
        return vectors.get(JAVA_LONG, index * BYTES + 8);
    }

    private void set(int index, long base, long length) {
        vectors.set(JAVA_LONG, index * BYTES, base);
        vectors.set(JAVA_LONG, index * BYTES + 8, length);
    }
}
