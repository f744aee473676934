package dev.godwit.qemu.multifd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.qemu.MemoryRam;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(120)
class MultifdSenderTest {

    private static final RamLayout LAYOUT = new RamLayout(
            List.of(new RamBlock("ram", 2000L * Page.SIZE_BYTES), new RamBlock("vram", 300L * Page.SIZE_BYTES)));

    private final Arena arena = Arena.ofShared();
    private final GuestMemory memory = new GuestMemory(
            LAYOUT,
            LAYOUT.blocks().stream()
                    .map(block -> arena.allocate(block.lengthBytes(), Page.SIZE_BYTES))
                    .toList(),
            List.of(4096L, 4096L));

    @TempDir
    private Path folder;

    @AfterEach
    void free() {
        arena.close();
    }

    @ParameterizedTest(name = "{0} level {1}, {2} channels, zero pages found: {3}, seed {4}")
    @CsvSource({
        "NONE, 0, 1, true, 1",
        "NONE, 0, 4, false, 2",
        "NONE, 0, 3, true, 3",
        "ZLIB, 1, 2, true, 4",
        "ZSTD, 1, 2, true, 5",
        "ZSTD, 3, 5, false, 6"
    })
    void a_receiver_has_the_memory_of_the_last_round(
            MultifdMethod method, int level, int channels, boolean findZeroPages, long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        MultifdSender.Settings settings =
                new MultifdSender.Settings(method, level, findZeroPages, new UUID(seed, ~seed));
        MemoryRam sink = new MemoryRam();
        sink.begin(LAYOUT);
        List<SocketChannel> near = new ArrayList<>();
        try (MultifdReceiver receiver = new MultifdReceiver(channels, method, sink, _ -> {})) {
            for (int i = 0; i < channels; i++) {
                near.add(connected(receiver));
            }
            try (MultifdSender sender = new MultifdSender(settings, near, memory, _ -> {})) {
                receiver.begin(LAYOUT);
                for (int round = 0; round < 12; round++) {
                    long pages = sendSomePages(sender, random, round == 0);
                    sender.sync();
                    receiver.sync();
                    assertThat(pages).isPositive();
                    assertSame(sink);
                }
                sender.finish();
                assertThat(sender.normalPages() + sender.zeroPages()).isGreaterThan(2300);
                assertThat(sender.zeroPages() > 0).isEqualTo(findZeroPages);
            }
            receiver.finish();
        }
    }

    /** {@return how many pages were changed and sent, in runs and in no order of the offsets} */
    private long sendSomePages(MultifdSender sender, SplittableRandom random, boolean all) throws IOException {
        long sent = 0;
        for (int block = 0; block < LAYOUT.blocks().size(); block++) {
            long pages = LAYOUT.block(block).pages();
            List<Long> starts = new ArrayList<>();
            for (long page = 0; page < pages; page += 1 + random.nextLong(9)) {
                starts.add(page);
            }
            long end = pages;
            while (!starts.isEmpty()) {
                long start = starts.removeLast();
                if (all || random.nextInt(4) == 0) {
                    change(block, start, end, random);
                    sender.pages(block, start, end - start);
                    sent += end - start;
                }
                end = start;
            }
        }
        return sent;
    }

    private void change(int block, long from, long to, SplittableRandom random) {
        for (long page = from; page < to; page++) {
            MemorySegment content = memory.block(block).asSlice(page * Page.SIZE_BYTES, Page.SIZE_BYTES);
            content.fill((byte) 0);
            if (random.nextInt(3) > 0) {
                byte[] bytes = new byte[1 + random.nextInt(Page.SIZE_BYTES)];
                random.nextBytes(bytes);
                bytes[bytes.length - 1] = 1;
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, content, 0, bytes.length);
            }
        }
    }

    private void assertSame(MemoryRam sink) throws IOException {
        for (int block = 0; block < LAYOUT.blocks().size(); block++) {
            assertThat(memory.block(block).mismatch(sink.memory(block)))
                    .as("first different byte of block " + block)
                    .isEqualTo(-1);
        }
    }

    private SocketChannel connected(MultifdReceiver receiver) throws IOException {
        Path path = folder.resolve("socket");
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            SocketChannel near = SocketChannel.open(UnixDomainSocketAddress.of(path));
            receiver.accept(server.accept());
            return near;
        } finally {
            Files.deleteIfExists(path);
        }
    }

    @Test
    void packets_are_numbered_over_all_channels_and_the_header_says_what_follows() throws Exception {
        Pipe pipe = Pipe.open();
        memory.block(0).fill((byte) 7);
        memory.block(0).asSlice(5L * Page.SIZE_BYTES, Page.SIZE_BYTES).fill((byte) 0);
        UUID uuid = new UUID(1, 2);
        try (MultifdSender sender = new MultifdSender(
                new MultifdSender.Settings(MultifdMethod.NONE, 0, true, uuid), List.of(pipe.sink()), memory, _ -> {})) {
            sender.pages(0, 4, 3);
            sender.sync();
            sender.finish();
            assertThat(MultifdInit.read(read(pipe, MultifdInit.LENGTH_BYTES), 0))
                    .isEqualTo(new MultifdInit(uuid, 0));
            MultifdPacket pages = MultifdPacket.read(read(pipe, MultifdPacket.LENGTH_BYTES), 0);
            assertThat(pages.flags()).isZero();
            assertThat(pages.pagesAlloc()).isEqualTo(128);
            assertThat(pages.block()).isEqualTo("ram");
            assertThat(pages.normalPages()).isEqualTo(2);
            assertThat(pages.nextPacketSizeBytes()).isEqualTo(2 * Page.SIZE_BYTES);
            assertThat(pages.offsetsBytes()).containsExactly(4 * 4096L, 6 * 4096L, 5 * 4096L);
            assertThat(pages.packetNumber()).isZero();
            read(pipe, 2 * Page.SIZE_BYTES);
            MultifdPacket sync = MultifdPacket.read(read(pipe, MultifdPacket.LENGTH_BYTES), 0);
            assertThat(sync.flags()).isEqualTo(MultifdPacket.SYNC);
            assertThat(sync.pagesAlloc()).isZero();
            assertThat(sync.packetNumber()).isEqualTo(1);
            assertThat(sender.sentBytes()).isEqualTo(64 + 2 * 1344 + 2 * 4096);
        }
    }

    private static ByteBuffer read(Pipe pipe, int bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(bytes);
        while (buffer.hasRemaining()) {
            assertThat(pipe.source().read(buffer)).isPositive();
        }
        return buffer.flip();
    }

    @Test
    void a_channel_that_breaks_fails_the_sender_and_is_told_once() throws Exception {
        Pipe whole = Pipe.open();
        Pipe broken = Pipe.open();
        CountDownLatch told = new CountDownLatch(1);
        AtomicBoolean twice = new AtomicBoolean();
        broken.source().close();
        try (MultifdSender sender = new MultifdSender(
                new MultifdSender.Settings(MultifdMethod.NONE, 0, false, new UUID(0, 0)),
                List.of(whole.sink(), broken.sink()),
                memory,
                _ -> {
                    twice.set(told.getCount() == 0);
                    told.countDown();
                })) {
            told.await();
            assertThatThrownBy(() -> {
                        sender.pages(0, 0, 2000);
                        sender.sync();
                    })
                    .isInstanceOf(IOException.class);
            assertThatThrownBy(sender::finish).isInstanceOf(IOException.class);
        }
        assertThat(twice).isFalse();
    }

    @Test
    void closing_wakes_a_sender_whose_peer_does_not_read() throws Exception {
        Pipe stuck = Pipe.open();
        MultifdSender sender = new MultifdSender(
                new MultifdSender.Settings(MultifdMethod.NONE, 0, false, new UUID(0, 0)),
                List.of(stuck.sink()),
                memory,
                _ -> {});
        CountDownLatch full = new CountDownLatch(1);
        Thread filler = Thread.ofPlatform().start(() -> {
            try {
                full.countDown();
                sender.pages(0, 0, 2000);
                sender.finish();
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("closed");
            }
        });
        full.await();
        sender.close();
        filler.join();
        assertThat(filler.isAlive()).isFalse();
    }
}
