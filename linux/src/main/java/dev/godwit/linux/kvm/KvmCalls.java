package dev.godwit.linux.kvm;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.calls.CloseCalls;
import dev.godwit.linux.calls.FileCalls;
import dev.godwit.linux.calls.IoctlCalls;
import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.MappingCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/** The calls that KVM is made of, with the kernel's refusal as an exception that names the request. */
final class KvmCalls {

    private KvmCalls() {}

    /** {@return the kernel's result for a request on a number or an address, or minus its errno} */
    static long ioctl(int fd, long request, long argument) {
        return IoctlCalls.ioctl(fd, request, argument);
    }

    /** {@return the kernel's result for a request on a structure, or minus its errno} */
    static long ioctl(int fd, long request, MemorySegment structure) {
        return IoctlCalls.ioctl(fd, request, structure);
    }

    /**
     * A request on a structure, made again where a signal came first.
     *
     * @return the kernel's result, 0 or more
     * @throws LinuxException naming {@code what} if the kernel refuses
     */
    static int checkedIoctl(int fd, long request, MemorySegment structure, String what) throws LinuxException {
        return checkedIoctl(fd, request, structure.address(), what);
    }

    /** The same on a plain number. */
    static int checkedIoctl(int fd, long request, long argument, String what) throws LinuxException {
        long result;
        do {
            result = IoctlCalls.ioctl(fd, request, argument);
        } while (result == -Errno.EINTR.code());
        return (int) check("ioctl", result, what);
    }

    static int open(String path) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = LibC.pathBytes(arena, Path.of(path));
            return (int) check("open", FileCalls.open(name, FileCalls.O_RDWR | FileCalls.O_CLOEXEC, 0), path);
        }
    }

    static void close(int fd) {
        CloseCalls.close(fd);
    }

    /** {@return the address at which the pages of a vCPU's descriptor are now mapped} */
    static long mapShared(int fd, long lengthBytes, long offsetBytes) throws LinuxException {
        int protection = MappingCalls.PROT_READ | MappingCalls.PROT_WRITE;
        return check(
                "mmap",
                MappingCalls.mmap(0, lengthBytes, protection, MappingCalls.MAP_SHARED, fd, offsetBytes),
                "of a vCPU");
    }

    static void unmap(long address, long lengthBytes) {
        MappingCalls.munmap(address, lengthBytes);
    }

    @SuppressWarnings("restricted") // the mapping was just made with this length, and its owner unmaps it last
    static MemorySegment segment(long address, long lengthBytes) {
        return MemorySegment.ofAddress(address).reinterpret(lengthBytes);
    }

    private static long check(String call, long result, String what) throws LinuxException {
        if (result < 0) {
            throw new LinuxException(call, new Errno((int) -result), what);
        }
        return result;
    }
}
