package dev.godwit.linux.kvm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * The calls that KVM is made of: {@code open}, {@code ioctl}, {@code mmap}, {@code munmap}, {@code close}. Each answers
 * like the kernel: the result where it succeeded, minus the errno where it failed.
 */
final class KvmCalls {

    static final int O_RDWR = 2;
    static final int O_CLOEXEC = 02000000;
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int MAP_SHARED = 1;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final VarHandle ERRNO_VALUE =
            Linker.Option.captureStateLayout().varHandle(PathElement.groupElement("errno"));

    private static final MethodHandle OPEN =
            bind("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), ERRNO, Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE = bind("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT), ERRNO);
    private static final MethodHandle IOCTL = bind(
            "ioctl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG),
            ERRNO,
            Linker.Option.firstVariadicArg(2));
    private static final MethodHandle MMAP = bind(
            "mmap",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG),
            ERRNO);
    private static final MethodHandle MUNMAP =
            bind("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG), ERRNO);

    /** One slot a thread, for its whole life: errno is read from it right after the call that failed. */
    private static final ThreadLocal<MemorySegment> ERRNO_SLOT =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));

    private KvmCalls() {}

    /** {@return the result of an ioctl whose argument is a number or an address} */
    static long ioctl(int fd, long request, long argument) {
        MemorySegment slot = ERRNO_SLOT.get();
        try {
            return resultOf((int) IOCTL.invokeExact(slot, fd, request, argument), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * An ioctl on a structure, made again where a signal came first.
     *
     * @return the kernel's result, 0 or more
     * @throws LinuxException naming {@code what} if the kernel refuses
     */
    static int ioctl(int fd, long request, MemorySegment structure, String what) throws LinuxException {
        return checkedIoctl(fd, request, structure.address(), what);
    }

    /** The same on a plain number. */
    static int checkedIoctl(int fd, long request, long argument, String what) throws LinuxException {
        long result;
        do {
            result = ioctl(fd, request, argument);
        } while (result == -Errno.EINTR.code());
        return (int) check(result, what);
    }

    static int open(String path) throws LinuxException {
        MemorySegment slot = ERRNO_SLOT.get();
        try (Arena arena = Arena.ofConfined()) {
            long fd = resultOf((int) OPEN.invokeExact(slot, arena.allocateFrom(path), O_RDWR | O_CLOEXEC), slot);
            if (fd < 0) {
                throw new LinuxException("open", new Errno((int) -fd), path);
            }
            return (int) fd;
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    static void close(int fd) {
        MemorySegment slot = ERRNO_SLOT.get();
        try {
            // The kernel lets go of the descriptor whatever close answers.
            long _ = resultOf((int) CLOSE.invokeExact(slot, fd), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** {@return the address at which the pages of a vCPU's descriptor are now mapped} */
    static long mapShared(int fd, long lengthBytes, long offsetBytes) throws LinuxException {
        MemorySegment slot = ERRNO_SLOT.get();
        try {
            long address =
                    (long) MMAP.invokeExact(slot, 0L, lengthBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offsetBytes);
            check(resultOf(address, slot), "mmap of a vCPU");
            return address;
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    static void unmap(long address, long lengthBytes) {
        MemorySegment slot = ERRNO_SLOT.get();
        try {
            long _ = resultOf((int) MUNMAP.invokeExact(slot, address, lengthBytes), slot);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("restricted") // the mapping was just made with this length, and its owner unmaps it last
    static MemorySegment segment(long address, long lengthBytes) {
        return MemorySegment.ofAddress(address).reinterpret(lengthBytes);
    }

    private static long resultOf(long result, MemorySegment slot) {
        return result == -1 ? -(int) ERRNO_VALUE.get(slot, 0L) : result;
    }

    private static long check(long result, String what) throws LinuxException {
        if (result < 0) {
            throw new LinuxException("ioctl", new Errno((int) -result), what);
        }
        return result;
    }

    @SuppressWarnings("restricted") // the whole purpose of this room
    private static MethodHandle bind(String name, FunctionDescriptor descriptor, Linker.Option... options) {
        MemorySegment symbol = LINKER.defaultLookup()
                .find(name)
                .orElseThrow(() -> new UnsatisfiedLinkError("libc has no symbol " + name));
        return LINKER.downcallHandle(symbol, descriptor, options);
    }
}
