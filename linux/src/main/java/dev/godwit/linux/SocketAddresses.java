package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.godwit.linux.calls.LibC;
import dev.godwit.linux.calls.SocketCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** Addresses as the kernel takes them. */
final class SocketAddresses {

    private static final ValueLayout.OfShort PORT = JAVA_SHORT.withOrder(ByteOrder.BIG_ENDIAN);

    /** {@code struct sockaddr_un} of {@code sys/un.h}. */
    static final StructLayout SOCKADDR_UN_LAYOUT = MemoryLayout.structLayout(
                    JAVA_SHORT.withName("sun_family"),
                    MemoryLayout.sequenceLayout(108, JAVA_BYTE).withName("sun_path"))
            .withName("sockaddr_un");

    /** {@code struct sockaddr_in} of {@code netinet/in.h}; port and address in network order. */
    static final StructLayout SOCKADDR_IN_LAYOUT = MemoryLayout.structLayout(
                    JAVA_SHORT.withName("sin_family"),
                    PORT.withName("sin_port"),
                    MemoryLayout.sequenceLayout(4, JAVA_BYTE).withName("sin_addr"),
                    MemoryLayout.paddingLayout(8))
            .withName("sockaddr_in");

    /** {@code struct sockaddr_in6} of {@code netinet/in.h}; port and address in network order. */
    static final StructLayout SOCKADDR_IN6_LAYOUT = MemoryLayout.structLayout(
                    JAVA_SHORT.withName("sin6_family"),
                    PORT.withName("sin6_port"),
                    JAVA_INT.withName("sin6_flowinfo"),
                    MemoryLayout.sequenceLayout(16, JAVA_BYTE).withName("sin6_addr"),
                    JAVA_INT.withName("sin6_scope_id"))
            .withName("sockaddr_in6");

    private static final long PORT_OFFSET = SOCKADDR_IN_LAYOUT.byteOffset(PathElement.groupElement("sin_port"));
    private static final long IN_ADDRESS = SOCKADDR_IN_LAYOUT.byteOffset(PathElement.groupElement("sin_addr"));
    private static final long IN6_ADDRESS = SOCKADDR_IN6_LAYOUT.byteOffset(PathElement.groupElement("sin6_addr"));
    private static final long IN6_SCOPE = SOCKADDR_IN6_LAYOUT.byteOffset(PathElement.groupElement("sin6_scope_id"));

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

    /** {@return the address family of an address} */
    static int family(InetAddress address) {
        return address instanceof Inet6Address ? SocketCalls.AF_INET6 : SocketCalls.AF_INET;
    }

    static MemorySegment inet(Arena arena, InetSocketAddress address) {
        InetAddress host = address.getAddress();
        MemorySegment socketAddress;
        if (host instanceof Inet6Address host6) {
            socketAddress = arena.allocate(SOCKADDR_IN6_LAYOUT);
            socketAddress.set(JAVA_INT, IN6_SCOPE, host6.getScopeId());
            MemorySegment.copy(host.getAddress(), 0, socketAddress, JAVA_BYTE, IN6_ADDRESS, 16);
        } else {
            socketAddress = arena.allocate(SOCKADDR_IN_LAYOUT);
            MemorySegment.copy(host.getAddress(), 0, socketAddress, JAVA_BYTE, IN_ADDRESS, 4);
        }
        socketAddress.set(JAVA_SHORT, 0, (short) family(host));
        socketAddress.set(PORT, PORT_OFFSET, (short) address.getPort());
        return socketAddress;
    }

    /** {@return the port of an address of either family} */
    static int port(MemorySegment address) {
        return Short.toUnsignedInt(address.get(PORT, PORT_OFFSET));
    }
}
