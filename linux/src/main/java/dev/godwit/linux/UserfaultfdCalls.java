package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.FileCalls;
import dev.godwit.linux.calls.IoctlCalls;
import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.SystemCall;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/** The requests of {@code linux/userfaultfd.h}. */
final class UserfaultfdCalls {

    static final long UFFD_API = 0xAA;
    static final int UFFD_USER_MODE_ONLY = 1;
    static final int O_NONBLOCK = 04000;
    static final long USERFAULTFD_IOC_NEW = 0xaa00;
    static final long UFFDIO_API = 0xc018aa3fL;
    static final long UFFDIO_REGISTER = 0xc020aa00L;
    static final long UFFDIO_UNREGISTER = 0x8010aa01L;
    static final long UFFDIO_WAKE = 0x8010aa02L;
    static final long UFFDIO_COPY = 0xc028aa03L;
    static final long UFFDIO_ZEROPAGE = 0xc020aa04L;
    static final long UFFDIO_MOVE = 0xc028aa05L;
    static final long UFFDIO_WRITEPROTECT = 0xc018aa06L;
    static final long UFFDIO_CONTINUE = 0xc020aa07L;
    static final long UFFDIO_POISON = 0xc020aa08L;

    static final long UFFDIO_COPY_MODE_DONTWAKE = 1;
    static final long UFFDIO_COPY_MODE_WP = 2;
    static final long UFFDIO_ZEROPAGE_MODE_DONTWAKE = 1;
    static final long UFFDIO_MOVE_MODE_DONTWAKE = 1;
    static final long UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES = 2;
    static final long UFFDIO_WRITEPROTECT_MODE_WP = 1;
    static final long UFFDIO_WRITEPROTECT_MODE_DONTWAKE = 2;
    static final long UFFDIO_CONTINUE_MODE_DONTWAKE = 1;
    static final long UFFDIO_CONTINUE_MODE_WP = 2;
    static final long UFFDIO_POISON_MODE_DONTWAKE = 1;

    /** {@code struct uffdio_api}. */
    static final StructLayout UFFDIO_API_LAYOUT = longs("uffdio_api", "api", "features", "ioctls");

    /** {@code struct uffdio_range}. */
    static final StructLayout UFFDIO_RANGE_LAYOUT = longs("uffdio_range", "start", "len");

    /** {@code struct uffdio_register}. */
    static final StructLayout UFFDIO_REGISTER_LAYOUT =
            longs("uffdio_register", "range.start", "range.len", "mode", "ioctls");

    /** {@code struct uffdio_copy}. */
    static final StructLayout UFFDIO_COPY_LAYOUT = longs("uffdio_copy", "dst", "src", "len", "mode", "copy");

    /** {@code struct uffdio_zeropage}. */
    static final StructLayout UFFDIO_ZEROPAGE_LAYOUT =
            longs("uffdio_zeropage", "range.start", "range.len", "mode", "zeropage");

    /** {@code struct uffdio_move}. */
    static final StructLayout UFFDIO_MOVE_LAYOUT = longs("uffdio_move", "dst", "src", "len", "mode", "move");

    /** {@code struct uffdio_writeprotect}. */
    static final StructLayout UFFDIO_WRITEPROTECT_LAYOUT =
            longs("uffdio_writeprotect", "range.start", "range.len", "mode");

    /** {@code struct uffdio_continue}. */
    static final StructLayout UFFDIO_CONTINUE_LAYOUT =
            longs("uffdio_continue", "range.start", "range.len", "mode", "mapped");

    /** {@code struct uffdio_poison}. */
    static final StructLayout UFFDIO_POISON_LAYOUT =
            longs("uffdio_poison", "range.start", "range.len", "mode", "updated");

    /** Where every request but these two has its mode: behind a range. */
    private static final long MODE_OF_RANGE = offset(UFFDIO_REGISTER_LAYOUT, "mode");

    private static final long MODE_OF_COPY = offset(UFFDIO_COPY_LAYOUT, "mode");
    private static final long RESULT_OF_RANGE = offset(UFFDIO_ZEROPAGE_LAYOUT, "zeropage");
    private static final long RESULT_OF_COPY = offset(UFFDIO_COPY_LAYOUT, "copy");
    private static final long FEATURES = offset(UFFDIO_API_LAYOUT, "features");

    private static final Path DEVICE = Path.of("/dev/userfaultfd");

    private UserfaultfdCalls() {}

    /** A new userfaultfd that {@link #api} has not been called on. */
    static long open(Userfaultfd.Way way) {
        int flags = FileCalls.O_CLOEXEC | O_NONBLOCK;
        return switch (way) {
            case DEVICE -> openByDevice(flags);
            case SYSTEM_CALL -> IoctlCalls.syscall(SystemCall.USERFAULTFD, flags, 0, 0);
            case USER_MODE_ONLY -> IoctlCalls.syscall(SystemCall.USERFAULTFD, flags | UFFD_USER_MODE_ONLY, 0, 0);
        };
    }

    private static long openByDevice(int flags) {
        try (OpenFile device = OpenFile.open(DEVICE, OpenFlag.WRITE)) {
            return device.descriptor().use(fd -> IoctlCalls.ioctl(fd, USERFAULTFD_IOC_NEW, flags));
        } catch (LinuxException e) {
            return -e.errno().code();
        }
    }

    /** Asks for features; answers the bits of all that the kernel has. To be called once on each descriptor. */
    static long api(int fd, long features) {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_LONG, 0, UFFD_API);
        slot.set(JAVA_LONG, FEATURES, features);
        slot.set(JAVA_LONG, FEATURES + 8, 0);
        long result = IoctlCalls.ioctl(fd, UFFDIO_API, slot.address());
        return result < 0 ? result : slot.get(JAVA_LONG, FEATURES);
    }

    /** Answers the bits of the requests that the range takes. */
    static long register(int fd, long start, long lengthBytes, long mode) {
        MemorySegment slot = range(start, lengthBytes, mode);
        long result = IoctlCalls.ioctl(fd, UFFDIO_REGISTER, slot.address());
        return result < 0 ? result : slot.get(JAVA_LONG, RESULT_OF_RANGE);
    }

    /** A request on a range that answers nothing: unregister, wake, write-protect. */
    static long onRange(int fd, long request, long start, long lengthBytes, long mode) {
        return IoctlCalls.ioctl(fd, request, range(start, lengthBytes, mode).address());
    }

    /** A request on a range that answers how many bytes it did: zero page, continue, poison. */
    static long countedOnRange(int fd, long request, long start, long lengthBytes, long mode) {
        MemorySegment slot = range(start, lengthBytes, mode);
        return counted(IoctlCalls.ioctl(fd, request, slot.address()), slot.get(JAVA_LONG, RESULT_OF_RANGE));
    }

    /** Copy or move: answers how many bytes it did. */
    static long transfer(int fd, long request, long target, long source, long lengthBytes, long mode) {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_LONG, 0, target);
        slot.set(JAVA_LONG, 8, source);
        slot.set(JAVA_LONG, 16, lengthBytes);
        slot.set(JAVA_LONG, MODE_OF_COPY, mode);
        slot.set(JAVA_LONG, RESULT_OF_COPY, 0);
        return counted(IoctlCalls.ioctl(fd, request, slot.address()), slot.get(JAVA_LONG, RESULT_OF_COPY));
    }

    private static MemorySegment range(long start, long lengthBytes, long mode) {
        MemorySegment slot = LibC.argumentSlot();
        slot.set(JAVA_LONG, 0, start);
        slot.set(JAVA_LONG, 8, lengthBytes);
        slot.set(JAVA_LONG, MODE_OF_RANGE, mode);
        slot.set(JAVA_LONG, RESULT_OF_RANGE, 0);
        return slot;
    }

    /** What was done counts more than why the rest was not: the next call on the rest will say that. */
    private static long counted(long result, long doneBytes) {
        return result < 0 && doneBytes <= 0 ? result : doneBytes;
    }

    private static long offset(StructLayout layout, String field) {
        return layout.byteOffset(PathElement.groupElement(field));
    }

    private static StructLayout longs(String name, String... fields) {
        MemoryLayout[] members = new MemoryLayout[fields.length];
        for (int i = 0; i < fields.length; i++) {
            members[i] = ValueLayout.JAVA_LONG.withName(fields[i]);
        }
        return MemoryLayout.structLayout(members).withName(name);
    }
}
