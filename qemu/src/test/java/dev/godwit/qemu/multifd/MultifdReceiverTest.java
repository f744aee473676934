package dev.godwit.qemu.multifd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.MemoryRam;
import dev.godwit.qemu.MultifdSync;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.CapturedLayouts;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.Pipe;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class MultifdReceiverTest {

    private static final RamLayout ONE_BLOCK = new RamLayout(List.of(new RamBlock("ram", 4 * Page.SIZE_BYTES)));

    @ParameterizedTest
    @CsvSource({
        "multifd-none, 2, NONE, PER_ROUND",
        "multifd-legacy, 2, NONE, PER_ROUND",
        "multifd-3ch-rp, 3, NONE, PER_ROUND",
        "multifd-zlib, 2, ZLIB, PER_ROUND",
        "multifd-zstd, 2, ZSTD, PER_ROUND",
        "multifd-72to10, 2, NONE, PER_SECTION",
        "multifd-10to72, 2, NONE, PER_SECTION"
    })
    void captured_channels_bring_the_memory_of_the_manifest(
            String capture, int channels, MultifdMethod method, MultifdSync.Mode mode) throws Exception {
        MemoryRam sink = new MemoryRam();
        try (MultifdReceiver receiver = new MultifdReceiver(channels, method, sink, _ -> {})) {
            for (int channel = channels; channel >= 1; channel--) {
                byte[] bytes = CapturedLayouts.resource(capture + ".conn" + channel + ".fwd.gz");
                ByteBuffer first = ByteBuffer.wrap(bytes, 0, 4);
                assertThat(ConnectionKind.ofFirstBytes(first.getInt(0))).contains(ConnectionKind.MULTIFD);
                receiver.accept(Channels.newChannel(new ByteArrayInputStream(bytes)));
            }
            byte[] main = CapturedLayouts.resource(capture + ".conn0.fwd.gz");
            assertThat(ConnectionKind.ofFirstBytes(ByteBuffer.wrap(main).getInt(0)))
                    .contains(ConnectionKind.MAIN);
            VmState state = receive(main, receiver, mode, sink);
            assertThat(state.sections()).hasSize(31);
            receiver.finish();
        }
        // The zstd capture's hashes are not in the manifest; its guest is that of multifd-none.
        Map<String, String> expected =
                CapturedLayouts.ramHashes(capture.equals("multifd-zstd") ? "multifd-none" : capture);
        assertThat(expected).hasSize(6);
        assertThat(sink.hashes()).containsExactlyInAnyOrderEntriesOf(expected);
    }

    @Test
    void the_end_of_a_channel_before_its_sync_fails_the_barrier() throws Exception {
        try (MultifdReceiver receiver = receiver(2)) {
            accept(receiver, init(0));
            accept(receiver, init(1), sync(0));
            receiver.begin(ONE_BLOCK);
            assertThatThrownBy(receiver::sync)
                    .isInstanceOf(StreamFormatException.class)
                    .hasMessageContaining("multifd channel 0")
                    .hasMessageContaining("the channel's end");
        }
    }

    @Test
    void a_failure_is_told_at_once_and_fails_every_wait() throws Exception {
        CountDownLatch told = new CountDownLatch(1);
        MemoryRam sink = new MemoryRam();
        sink.begin(ONE_BLOCK);
        try (MultifdReceiver receiver = new MultifdReceiver(2, MultifdMethod.NONE, sink, _ -> told.countDown())) {
            accept(receiver, init(0), new byte[] {0x11, 0x22, 0x33, 0x45});
            told.await();
            assertThatThrownBy(() -> receiver.begin(ONE_BLOCK)).isInstanceOf(StreamFormatException.class);
            assertThatThrownBy(receiver::sync).isInstanceOf(StreamFormatException.class);
            assertThatThrownBy(receiver::finish).isInstanceOf(StreamFormatException.class);
        }
    }

    @Test
    void closing_wakes_a_waiting_barrier() throws Exception {
        MultifdReceiver receiver = receiver(1);
        Pipe pipe = Pipe.open();
        receiver.accept(pipe.source());
        Thread main = Thread.ofPlatform()
                .start(() -> assertThatThrownBy(receiver::sync).isInstanceOf(IOException.class));
        receiver.close();
        main.join();
        assertThatThrownBy(() -> accept(receiver, init(0))).isInstanceOf(IOException.class);
    }

    @Test
    void a_channel_waits_at_its_sync_until_the_main_stream_comes_there() throws Exception {
        MemoryRam sink = new MemoryRam();
        sink.begin(ONE_BLOCK);
        try (MultifdReceiver receiver = new MultifdReceiver(1, MultifdMethod.NONE, sink, _ -> {})) {
            accept(receiver, init(0), data(0, 1, 0), page(7), sync(1), data(2, 1, 0), page(8), sync(3));
            receiver.begin(ONE_BLOCK);
            receiver.sync();
            receiver.sync();
            assertThat(sink.byteAt(0, 0)).isEqualTo((byte) 8);
            receiver.finish();
        }
    }

    @Test
    void pages_with_a_sync_are_taken_before_it() throws Exception {
        MemoryRam sink = new MemoryRam();
        sink.begin(ONE_BLOCK);
        try (MultifdReceiver receiver = new MultifdReceiver(1, MultifdMethod.NONE, sink, _ -> {})) {
            accept(receiver, init(0), packet(MultifdPacket.SYNC, "ram", 1, 0x1000), page(9));
            receiver.begin(ONE_BLOCK);
            receiver.sync();
            assertThat(sink.byteAt(0, 0x1000)).isEqualTo((byte) 9);
        }
    }

    @Test
    void a_sync_with_stale_fields_has_no_payload() throws Exception {
        try (MultifdReceiver receiver = receiver(1)) {
            ByteBuffer stale = ByteBuffer.wrap(sync(0));
            stale.putInt(12, 128).putInt(20, 4096).put(64, (byte) 'x').putLong(320, 0x123);
            accept(receiver, init(0), stale.array(), sync(1));
            receiver.begin(ONE_BLOCK);
            receiver.sync();
            receiver.sync();
        }
    }

    @Test
    void pages_after_the_last_sync_are_refused() throws Exception {
        MemoryRam sink = new MemoryRam();
        sink.begin(ONE_BLOCK);
        CountDownLatch failed = new CountDownLatch(1);
        try (MultifdReceiver receiver = new MultifdReceiver(1, MultifdMethod.NONE, sink, _ -> failed.countDown())) {
            Pipe pipe = Pipe.open();
            receiver.accept(pipe.source());
            write(pipe, init(0), sync(0));
            receiver.begin(ONE_BLOCK);
            receiver.sync();
            receiver.finish();
            write(pipe, data(1, 1, 0), page(7));
            failed.await();
            assertThat(sink.byteAt(0, 0)).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"2, 0, 'a new channel id below 2'", "255, 0, 'a new channel id'", "0, 0, 'second time'", "1, 5, UUID"})
    void channels_that_do_not_belong_are_refused(int id, long uuid, String message) throws Exception {
        CountDownLatch failed = new CountDownLatch(1);
        try (MultifdReceiver receiver =
                new MultifdReceiver(2, MultifdMethod.NONE, new MemoryRam(), _ -> failed.countDown())) {
            Pipe pipe = Pipe.open();
            receiver.accept(pipe.source());
            write(pipe, init(0));
            ByteBuffer other = ByteBuffer.allocate(MultifdInit.LENGTH_BYTES);
            new MultifdInit(new UUID(0, uuid), id).write(other);
            accept(receiver, other.array(), sync(0));
            failed.await();
            assertThatThrownBy(receiver::sync)
                    .isInstanceOf(StreamFormatException.class)
                    .hasMessageContaining(message);
        }
    }

    @Test
    void one_connection_more_than_agreed_is_refused() throws Exception {
        try (MultifdReceiver receiver = receiver(1)) {
            accept(receiver, init(0));
            assertThatThrownBy(() -> accept(receiver, init(1))).hasMessageContaining("one more");
        }
    }

    @Test
    void packets_that_are_wrong_are_refused_by_name() throws Exception {
        assertRefused("device state", flags(0x40));
        assertRefused("known flags", flags(0x80));
        assertRefused("method none, found zstd", packet(0x04, "ram", 1, 0));
        assertRefused("method none, found qpl", packet(0x08, "ram", 1, 0));
        assertRefused("a block of the block list", packet(0, "rom", 1, 0), page(1));
        assertRefused("offsets in block ram", packet(0, "ram", 1, 0x4000), page(1));
        assertRefused("offsets in block ram", packet(0, "ram", 0, Long.MAX_VALUE & -0x1000L));
        assertRefused("multiple of a page", packet(0, "ram", 1, 0x800), page(1));
        assertRefused("multiple of a page", packet(0, "ram", 1, -0x1000), page(1));
        assertRefused("pages_alloc", patched(12, 129));
        assertRefused("normal_pages", patched(16, 129));
        assertRefused("normal_pages", patched(16, -1));
        assertRefused("zero_pages", patched(32, 128));
        assertRefused("4095 more bytes", packet(0, "ram", 1, 0), new byte[1]);
        assertRefused("1332 more bytes", Arrays.copyOf(flags(0), 12));
        assertRefused("2 more bytes", new byte[] {0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1, 0, 0});
        assertRefused("version 1", new byte[] {0x11, 0x22, 0x33, 0x44, 0, 0, 0, 2, 0, 0, 0, 0});
        assertRefused("found the channel's end", new byte[0]);
    }

    @ParameterizedTest
    @CsvSource({"1, NONE", "2, ZLIB", "3, ZSTD", "4, NONE", "5, ZLIB", "6, ZSTD"})
    void damaged_channels_end_or_are_refused_and_nobody_waits_for_ever(long seed, MultifdMethod method)
            throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        String capture = "multifd-" + method.name().toLowerCase(Locale.ROOT);
        byte[] main = CapturedLayouts.resource(capture + ".conn0.fwd.gz");
        for (int round = 0; round < 15; round++) {
            MemoryRam sink = new MemoryRam();
            try (MultifdReceiver receiver = new MultifdReceiver(2, method, sink, _ -> {})) {
                for (int channel = 1; channel <= 2; channel++) {
                    byte[] bytes = CapturedLayouts.resource(capture + ".conn" + channel + ".fwd.gz");
                    for (int flips = random.nextInt(4); flips > 0; flips--) {
                        bytes[random.nextInt(Math.min(bytes.length, 8000))] ^= (byte) (1 << random.nextInt(8));
                    }
                    accept(
                            receiver,
                            random.nextInt(3) > 0 ? bytes : Arrays.copyOf(bytes, random.nextInt(bytes.length)));
                }
                receive(main, receiver, MultifdSync.Mode.PER_ROUND, sink);
                receiver.finish();
            } catch (IOException e) {
                assertThat(e).message().isNotEmpty();
            }
        }
    }

    private static void assertRefused(String message, byte[]... packets) throws Exception {
        MemoryRam sink = new MemoryRam();
        sink.begin(ONE_BLOCK);
        try (MultifdReceiver receiver = new MultifdReceiver(1, MultifdMethod.NONE, sink, _ -> {})) {
            accept(receiver, init(0), concat(packets));
            assertThatThrownBy(() -> {
                        receiver.begin(ONE_BLOCK);
                        receiver.sync();
                    })
                    .isInstanceOf(StreamFormatException.class)
                    .hasMessageContaining(message);
        }
    }

    private static VmState receive(byte[] main, MultifdReceiver receiver, MultifdSync.Mode mode, MemoryRam sink)
            throws IOException {
        return IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(main)))
                .multifd(receiver, mode)
                .into(sink);
    }

    private static MultifdReceiver receiver(int channels) throws IOException {
        MemoryRam sink = new MemoryRam();
        sink.begin(ONE_BLOCK);
        return new MultifdReceiver(channels, MultifdMethod.NONE, sink, _ -> {});
    }

    private static void accept(MultifdReceiver receiver, byte[]... packets) throws IOException {
        receiver.accept(Channels.newChannel(new ByteArrayInputStream(concat(packets))));
    }

    private static void write(Pipe pipe, byte[]... packets) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(concat(packets));
        while (bytes.hasRemaining()) {
            pipe.sink().write(bytes);
        }
    }

    private static byte[] concat(byte[]... parts) {
        java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    private static byte[] init(int id) {
        ByteBuffer packet = ByteBuffer.allocate(MultifdInit.LENGTH_BYTES);
        new MultifdInit(new UUID(0, 0), id).write(packet);
        return packet.array();
    }

    private static byte[] sync(long number) {
        ByteBuffer packet = ByteBuffer.allocate(MultifdPacket.LENGTH_BYTES);
        new MultifdPacket(MultifdPacket.SYNC, 0, 0, number, "", 0, new long[0]).write(packet);
        return packet.array();
    }

    private static byte[] data(long number, int normalPages, long... offsets) {
        ByteBuffer packet = ByteBuffer.allocate(MultifdPacket.LENGTH_BYTES);
        new MultifdPacket(0, 128, 4096 * normalPages, number, "ram", normalPages, offsets).write(packet);
        return packet.array();
    }

    private static byte[] packet(int flags, String block, int normalPages, long... offsets) {
        ByteBuffer packet = ByteBuffer.allocate(MultifdPacket.LENGTH_BYTES);
        new MultifdPacket(flags, 128, 4096 * normalPages, 0, block, normalPages, offsets).write(packet);
        return packet.array();
    }

    private static byte[] flags(int flags) {
        return packet(flags, "ram", 0);
    }

    private static byte[] patched(int at, int value) {
        return ByteBuffer.wrap(data(0, 1, 0)).putInt(at, value).array();
    }

    private static byte[] page(int content) {
        byte[] page = new byte[Page.SIZE_BYTES];
        Arrays.fill(page, (byte) content);
        return page;
    }
}
