package dev.godwit.linux;

import dev.godwit.linux.calls.FcntlCalls;
import dev.godwit.linux.calls.MemfdCalls;
import java.io.Closeable;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Set;

/**
 * A file without a name whose content is memory ({@code memfd_create(2)}): guest memory that can be mapped more than
 * once, and by other processes to whom its descriptor is sent ({@link UnixSocket}). Owns its descriptor; mappings of it
 * outlive it. Thread-safe.
 */
public final class Memfd implements Closeable {

    private static final int NAME_BYTES_MAX = 249;

    private final OpenFile file;
    private final HugePageSize pages;

    private Memfd(Descriptor descriptor, HugePageSize pages) {
        this.file = OpenFile.of(descriptor);
        this.pages = pages;
    }

    /**
     * Makes one; it is all holes, which read as zero.
     *
     * @param name what {@code /proc/PID/maps} shows, at most 249 bytes, no NUL and no slash
     * @param lengthBytes a multiple of the page, not negative
     * @throws LinuxException if the kernel refuses; nothing is left then
     */
    public static Memfd create(String name, long lengthBytes, HugePageSize pages) throws LinuxException {
        pages.checkWhole("the length", lengthBytes);
        if (name.getBytes(StandardCharsets.UTF_8).length > NAME_BYTES_MAX || name.matches("(?s).*[\0/].*")) {
            throw new IllegalArgumentException("no name for a memory file: " + name);
        }
        int flags = MemfdCalls.MFD_CLOEXEC | MemfdCalls.MFD_ALLOW_SEALING | pages.flags(MemfdCalls.MFD_HUGETLB);
        try (Arena arena = Arena.ofConfined()) {
            long fd = MemfdCalls.memfdCreate(arena.allocateFrom(name), flags);
            Memfd memfd = new Memfd(Descriptor.ofResult("memfd_create", fd, "memfd:" + name), pages);
            try {
                memfd.truncate(lengthBytes);
                return memfd;
            } catch (LinuxException e) {
                memfd.close();
                throw e;
            }
        }
    }

    /**
     * Takes over a memory file that another process sent.
     *
     * @param pages what its pages are said to be; a wrong word is found by {@link Mapping#of}, which the kernel refuses
     * @throws LinuxException if it is no memory file, with {@link Errno#EINVAL}; the descriptor is closed then
     */
    public static Memfd adopt(Descriptor descriptor, HugePageSize pages) throws LinuxException {
        Memfd memfd = new Memfd(descriptor, pages);
        try {
            memfd.seals();
            return memfd;
        } catch (LinuxException e) {
            memfd.close();
            throw e;
        }
    }

    /** {@return the owner of the descriptor, to be mapped, watched or sent} */
    public Descriptor descriptor() {
        return file.descriptor();
    }

    /** {@return the descriptor's number, for children of this process} */
    public int fileDescriptor() {
        return descriptor().number();
    }

    /** {@return what its pages are} */
    public HugePageSize pages() {
        return pages;
    }

    /** {@return it as a file, to be read, written and searched for holes; closing the file closes the memory file} */
    public OpenFile file() {
        return file;
    }

    /** {@return its length in bytes} */
    public long lengthBytes() throws LinuxException {
        return file.status().lengthBytes();
    }

    /** Cuts or lengthens it; {@link Errno#EPERM} where a seal forbids it. */
    public void truncate(long lengthBytes) throws LinuxException {
        pages.checkWhole("the length", lengthBytes);
        file.truncate(lengthBytes);
    }

    /** Gives the memory of a range back: it reads as zero afterwards, for everybody who has it mapped. */
    public void punchHole(long offsetBytes, long lengthBytes) throws LinuxException {
        pages.checkWhole("the offset", offsetBytes);
        pages.checkWhole("the length", lengthBytes);
        file.punchHole(offsetBytes, lengthBytes);
    }

    /**
     * Forbids something for ever.
     *
     * @throws LinuxException {@link Errno#EBUSY} for {@link Seal#WRITE} while there is a writable shared mapping,
     *     {@link Errno#EPERM} after {@link Seal#SEAL}; no seal is set then
     */
    public void seal(Seal... seals) throws LinuxException {
        int bits = 0;
        for (Seal seal : seals) {
            bits |= seal.bit();
        }
        int all = bits;
        descriptor().check("fcntl", fd -> FcntlCalls.fcntl(fd, FcntlCalls.F_ADD_SEALS, all));
    }

    /** {@return what is forbidden} */
    public Set<Seal> seals() throws LinuxException {
        long bits = descriptor().check("fcntl", fd -> FcntlCalls.fcntl(fd, FcntlCalls.F_GET_SEALS, 0));
        Set<Seal> seals = EnumSet.noneOf(Seal.class);
        for (Seal seal : Seal.values()) {
            if ((bits & seal.bit()) != 0) {
                seals.add(seal);
            }
        }
        return seals;
    }

    /** Closes the descriptor. The memory goes with the last mapping and the last descriptor of it. */
    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return descriptor().toString();
    }
}
