package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.calls.MessageCalls;
import dev.godwit.linux.calls.SocketCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.ArrayList;
import java.util.List;

/** A message of {@code sendmsg(2)} and {@code recvmsg(2)} with room for descriptors beside its bytes. */
final class Messages {

    /** {@code struct msghdr} of {@code sys/socket.h}. */
    static final StructLayout MSGHDR_LAYOUT = MemoryLayout.structLayout(
                    ADDRESS.withName("msg_name"),
                    JAVA_INT.withName("msg_namelen"),
                    MemoryLayout.paddingLayout(4),
                    ADDRESS.withName("msg_iov"),
                    JAVA_LONG.withName("msg_iovlen"),
                    ADDRESS.withName("msg_control"),
                    JAVA_LONG.withName("msg_controllen"),
                    JAVA_INT.withName("msg_flags"),
                    MemoryLayout.paddingLayout(4))
            .withName("msghdr");

    /** {@code struct cmsghdr} of {@code sys/socket.h}; what it heads follows at once. */
    static final StructLayout CMSGHDR_LAYOUT = MemoryLayout.structLayout(
                    JAVA_LONG.withName("cmsg_len"), JAVA_INT.withName("cmsg_level"), JAVA_INT.withName("cmsg_type"))
            .withName("cmsghdr");

    private static final long IOV = offset("msg_iov");
    private static final long IOVLEN = offset("msg_iovlen");
    private static final long CONTROL = offset("msg_control");
    private static final long CONTROLLEN = offset("msg_controllen");
    private static final long FLAGS = offset("msg_flags");
    private static final long HEAD_BYTES = CMSGHDR_LAYOUT.byteSize();

    private final MemorySegment header;
    private final MemorySegment vector;
    private final MemorySegment control;

    /** Room for exactly so many descriptors: where the kernel has more it says so, instead of filling up a padding. */
    Messages(Arena arena, int descriptors) {
        if (descriptors < 0 || descriptors > MessageCalls.SCM_MAX_FD) {
            throw new IllegalArgumentException(
                    descriptors + " descriptors: a message takes 0 to " + MessageCalls.SCM_MAX_FD);
        }
        header = arena.allocate(MSGHDR_LAYOUT);
        vector = arena.allocate(IoVectors.IOVEC_LAYOUT);
        control = arena.allocate(descriptors == 0 ? 0 : HEAD_BYTES + 4L * descriptors, 8);
    }

    /** Lays the descriptors' numbers out. */
    void put(int[] numbers) {
        if (numbers.length > 0) {
            control.set(JAVA_LONG, 0, control.byteSize());
            control.set(JAVA_INT, 8, SocketCalls.SOL_SOCKET);
            control.set(JAVA_INT, 12, MessageCalls.SCM_RIGHTS);
            for (int i = 0; i < numbers.length; i++) {
                control.set(JAVA_INT, HEAD_BYTES + 4L * i, numbers[i]);
            }
        }
    }

    /** {@return the address of the header, which now names these bytes} */
    long address(MemorySegment bytes, boolean withControl) {
        vector.set(JAVA_LONG, 0, bytes.address());
        vector.set(JAVA_LONG, 8, bytes.byteSize());
        header.set(ADDRESS, IOV, vector);
        header.set(JAVA_LONG, IOVLEN, 1);
        header.set(ADDRESS, CONTROL, withControl ? control : MemorySegment.NULL);
        header.set(JAVA_LONG, CONTROLLEN, withControl ? control.byteSize() : 0);
        header.set(JAVA_INT, FLAGS, 0);
        return header.address();
    }

    /** {@return whether what was received did not fit, bytes or descriptors} */
    boolean isTruncated() {
        return (header.get(JAVA_INT, FLAGS) & (MessageCalls.MSG_CTRUNC | MessageCalls.MSG_TRUNC)) != 0;
    }

    /** {@return the descriptors that came, which are this process's now} */
    List<Descriptor> descriptors(String name) {
        List<Descriptor> received = new ArrayList<>();
        long end = header.get(JAVA_LONG, CONTROLLEN);
        long at = 0;
        while (at + HEAD_BYTES <= end) {
            long length = control.get(JAVA_LONG, at);
            boolean rights = control.get(JAVA_INT, at + 8) == SocketCalls.SOL_SOCKET
                    && control.get(JAVA_INT, at + 12) == MessageCalls.SCM_RIGHTS;
            for (long fd = at + HEAD_BYTES; rights && fd + 4 <= Math.min(at + length, end); fd += 4) {
                received.add(Descriptor.own(control.get(JAVA_INT, fd), name));
            }
            at += Math.max(HEAD_BYTES, (length + 7) & -8);
        }
        return received;
    }

    private static long offset(String field) {
        return MSGHDR_LAYOUT.byteOffset(PathElement.groupElement(field));
    }
}
