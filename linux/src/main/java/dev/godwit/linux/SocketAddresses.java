package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.SocketCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.nio.file.Path;

/** Addresses as the kernel takes them. */
final class SocketAddresses {

    /** {@code struct sockaddr_un} of {@code sys/un.h}. */
    static final StructLayout SOCKADDR_UN_LAYOUT = MemoryLayout.structLayout(
                    JAVA_SHORT.withName("sun_family"),
                    MemoryLayout.sequenceLayout(108, JAVA_BYTE).withName("sun_path"))
            .withName("sockaddr_un");

    private static final long SUN_PATH = SOCKADDR_UN_LAYOUT.byteOffset(PathElement.groupElement("sun_path"));

    private SocketAddresses() {}

    static MemorySegment unix(Arena arena, String call, Path path) throws LinuxException {
        MemorySegment name = LibC.pathBytes(arena, path);
        MemorySegment address = arena.allocate(SOCKADDR_UN_LAYOUT);
        if (name.byteSize() > address.byteSize() - SUN_PATH) {
            throw new LinuxException(call, Errno.ENAMETOOLONG, path + ", of which a socket's name takes 107 bytes");
        }
        address.set(JAVA_SHORT, 0, (short) SocketCalls.AF_UNIX);
        MemorySegment.copy(name, 0, address, SUN_PATH, name.byteSize());
        return address;
    }
}
