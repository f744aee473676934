package dev.godwit.host;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.godwit.linux.HugePageSize;
import dev.godwit.linux.Mapping;
import dev.godwit.linux.Memfd;
import dev.godwit.linux.NativeMemory;
import dev.godwit.linux.Protection;
import dev.godwit.linux.Sharing;
import dev.godwit.linux.UnixSocket;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.linux.UserfaultfdFeature;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** A process of its own for tests: maps the guest's memory, and reads all of it through its own userfaultfd. */
final class SharingProcess {

    private SharingProcess() {}

    /** What page and block must hold in their first bytes. */
    static long content(int block, long page) {
        return (block + 1) * 1_000_003L + page;
    }

    /** Takes the socket's path. Ends with status 0 if every page held what it must. */
    public static void main(String[] arguments) throws IOException {
        try (Arena arena = Arena.ofConfined();
                UnixSocket socket = UnixSocket.connect(Path.of(arguments[0]), UnixSocket.Type.SEQPACKET);
                Userfaultfd faults = Userfaultfd.open(Set.of(UserfaultfdFeature.MISSING_SHMEM), Set.of())) {
            MemorySegment message = arena.allocate(512, 8);
            socket.receive(message, 0);
            int blocks = message.get(JAVA_INT, 0);
            List<Mapping> mappings = new ArrayList<>();
            MemorySegment addresses = arena.allocate(8L * blocks, 8);
            for (int block = 0; block < blocks; block++) {
                UnixSocket.Received received = socket.receive(message, 1);
                Memfd memfd = Memfd.adopt(received.descriptors().getFirst(), HugePageSize.NONE);
                Mapping mapping =
                        Mapping.of(memfd, 0, message.get(JAVA_LONG, 0), Sharing.SHARED, Protection.READ_WRITE);
                faults.register(mapping.address(), mapping.lengthBytes(), Userfaultfd.Mode.MISSING);
                mappings.add(mapping);
                addresses.set(JAVA_LONG, 8L * block, mapping.address());
            }
            socket.send(addresses, faults.descriptor());
            socket.receive(message, 0);
            for (int block = 0; block < blocks; block++) {
                for (long page = mappings.get(block).lengthBytes() / 4096 - 1; page >= 0; page--) {
                    long found = NativeMemory.load(mappings.get(block).address() + page * 4096);
                    if (found != content(block, page)) {
                        System.err.println("page " + page + " of block " + block + " holds " + found);
                        System.exit(1);
                    }
                }
            }
            socket.receive(message, 0);
            for (Mapping mapping : mappings) {
                faults.unregister(mapping.address(), mapping.lengthBytes());
            }
            socket.send(arena.allocate(1));
        }
    }
}
