package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Set;

/**
 * A process that sends the userfaultfd of its memory to whoever listens at the socket that it is given, and then sums
 * up the first eight bytes of each page. It touches the memory in Java: the faults are another process's to serve.
 */
final class FaultingProcess {

    static final int PAGES = 32;

    private FaultingProcess() {}

    public static void main(String[] arguments) throws Exception {
        int page = Host.pageSize();
        try (UnixSocket socket = UnixSocket.connect(Path.of(arguments[0]), UnixSocket.Type.STREAM);
                Mapping memory = Mapping.anonymous((long) PAGES * page);
                Userfaultfd userfaultfd = Userfaultfd.open(Set.of(), Set.of());
                Arena arena = Arena.ofConfined()) {
            memory.advise(Advice.NOHUGEPAGE);
            userfaultfd.register(memory.address(), memory.lengthBytes(), Userfaultfd.Mode.MISSING);
            MemorySegment number = arena.allocateFrom(JAVA_LONG, memory.address());
            socket.send(number, userfaultfd.descriptor());
            long sum = 0;
            for (int i = 0; i < PAGES; i++) {
                sum += memory.memory().get(JAVA_LONG, (long) i * page);
            }
            number.set(JAVA_LONG, 0, sum);
            socket.send(number);
        }
    }
}
