package dev.godwit.host;

import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.postcopy.PostcopyNotifier;
import dev.godwit.linux.Descriptor;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.UnixListener;
import dev.godwit.linux.UnixSocket;
import dev.godwit.linux.Userfaultfd;
import dev.godwit.ram.RamBlock;
import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Lets other processes use the memory of a guest while it arrives by postcopy. They connect to a unix socket of the
 * kind SEQPACKET; numbers are little-endian, each line is a message:
 *
 * <pre>
 * to the process    u32 blocks
 * to the process    u64 length, u64 host page, name in UTF-8; with the block's memory file      for each block
 * from the process  u64 address for each block; with its userfaultfd, registered for missing pages
 * to the process    'B': its faults are served from now on
 * to the process    'E': every page is here
 * from the process  'e': it has unregistered; or it hangs up
 * </pre>
 *
 * <p>A process that leaves or dies is forgotten. A unix socket has mode 0600: who may connect may write to the guest.
 */
public final class SharedMemoryServer implements PostcopyNotifier, Closeable {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int MOST_PROCESSES = 16;

    private final RamAllocation ram;
    private final DemandPaging paging;
    private final UnixListener listener;
    private final List<Sharer> sharers = new CopyOnWriteArrayList<>();
    private volatile boolean over;

    private record Sharer(UnixSocket socket, SharedUserfaultfd faults) {}

    private SharedMemoryServer(RamAllocation ram, DemandPaging paging, UnixListener listener) {
        this.ram = ram;
        this.paging = paging;
        this.listener = listener;
    }

    /**
     * Begins to listen, before the migration does.
     *
     * @param path must not be there yet
     * @throws IOException if it cannot, or the memory is this process's alone
     */
    public static SharedMemoryServer listen(RamAllocation ram, DemandPaging paging, Path path) throws IOException {
        for (int block = 0; block < ram.memory().blocks().size(); block++) {
            if (ram.memfd(block).isEmpty()) {
                throw new IOException("the guest's memory is this process's alone; run it with memory in a memfd");
            }
        }
        UnixListener listener = UnixListener.listen(path, UnixSocket.Type.SEQPACKET, MOST_PROCESSES);
        SharedMemoryServer server = new SharedMemoryServer(ram, paging, listener);
        paging.notifyOf(server);
        Thread.ofPlatform().name("share").daemon(true).start(server::accept);
        return server;
    }

    private void accept() {
        while (!over) {
            try {
                UnixSocket socket = listener.accept();
                Thread.ofPlatform().name("share-process").daemon(true).start(() -> serve(socket));
            } catch (LinuxException e) {
                if (!over) {
                    log(e);
                }
                return;
            }
        }
    }

    private void serve(UnixSocket socket) {
        try (Arena arena = Arena.ofConfined()) {
            if (sharers.size() >= MOST_PROCESSES) {
                throw new IOException("more than " + MOST_PROCESSES + " processes");
            }
            offer(socket, arena);
            Sharer sharer = new Sharer(socket, take(socket, arena));
            sharers.add(sharer);
            try {
                socket.send(byteOf(arena, 'B'));
                socket.receive(arena.allocate(1), 0); // 'e', or its end
            } finally {
                leave(sharer);
            }
        } catch (IOException e) {
            if (!over) {
                log(e);
            }
        } finally {
            socket.close();
        }
    }

    private void offer(UnixSocket socket, Arena arena) throws IOException {
        List<RamBlock> blocks = ram.memory().layout().blocks();
        MemorySegment count = arena.allocate(Integer.BYTES);
        count.set(INT, 0, blocks.size());
        socket.send(count);
        for (int block = 0; block < blocks.size(); block++) {
            byte[] name = blocks.get(block).id().getBytes(StandardCharsets.UTF_8);
            MemorySegment message = arena.allocate(16L + name.length);
            message.set(LONG, 0, blocks.get(block).lengthBytes());
            message.set(LONG, 8, ram.memory().hostPageBytes().get(block));
            MemorySegment.copy(name, 0, message, ValueLayout.JAVA_BYTE, 16, name.length);
            socket.send(message, ram.memfd(block).orElseThrow().descriptor());
        }
    }

    private SharedUserfaultfd take(UnixSocket socket, Arena arena) throws IOException {
        int blocks = ram.memory().blocks().size();
        MemorySegment addresses = arena.allocate(8L * blocks);
        UnixSocket.Received received = socket.receive(addresses, 1);
        if (received.lengthBytes() != 8L * blocks || received.descriptors().size() != 1) {
            received.descriptors().forEach(Descriptor::close);
            throw new IOException("expected %d addresses and a userfaultfd, found %d bytes and %d descriptors"
                    .formatted(
                            blocks,
                            received.lengthBytes(),
                            received.descriptors().size()));
        }
        List<SharedUserfaultfd.Region> regions = new ArrayList<>();
        for (int block = 0; block < blocks; block++) {
            long lengthBytes = ram.memory().layout().block(block).lengthBytes();
            long address = addresses.get(LONG, 8L * block);
            if (address <= 0 || address > Long.MAX_VALUE - lengthBytes) {
                received.descriptors().forEach(Descriptor::close);
                throw new IOException("expected an address, found 0x" + Long.toHexString(address));
            }
            regions.add(new SharedUserfaultfd.Region(address, lengthBytes, block));
        }
        Userfaultfd faults = Userfaultfd.adopt(received.descriptors().getFirst(), Set.of());
        return new SharedUserfaultfd(faults, regions, paging);
    }

    private void leave(Sharer sharer) {
        if (sharers.remove(sharer)) {
            sharer.faults.close();
        }
    }

    @Override
    public void at(Moment moment) {
        switch (moment) {
            case PROBE, INBOUND_ADVISE -> {}
            case INBOUND_LISTEN -> sharers.forEach(sharer -> sharer.faults.wakeAll());
            case INBOUND_END -> end();
        }
    }

    /** Whoever still shares is told, and looks for its pages itself from now on: they are all here. */
    private void end() {
        try (Arena arena = Arena.ofConfined()) {
            for (Sharer sharer : sharers) {
                sharer.faults.wakeAll();
                try {
                    sharer.socket.send(byteOf(arena, 'E'));
                } catch (LinuxException e) {
                    log(e);
                    leave(sharer);
                }
            }
        }
    }

    private static MemorySegment byteOf(Arena arena, char letter) {
        MemorySegment one = arena.allocate(1);
        one.set(ValueLayout.JAVA_BYTE, 0, (byte) letter);
        return one;
    }

    private static void log(IOException e) {
        System.getLogger("dev.godwit.host")
                .log(Level.WARNING, "A process that shares the guest's memory: " + e.getMessage());
    }

    /** Listens no more, and forgets everybody. */
    @Override
    public void close() throws IOException {
        over = true;
        for (Sharer sharer : sharers) {
            sharer.socket.close();
            leave(sharer);
        }
        listener.close();
    }
}
