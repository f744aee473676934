package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.vmstate.CapturedLayouts;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.Pipe;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IncomingMigrationTest {

    private static IncomingMigration from(byte[] stream) {
        return IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(stream)));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"precopy-pc", "precopy-72", "xbzrle-patterns", "compress-72", "bgsnap-live", "dirty-bitmaps"})
    void a_capture_is_received_with_its_ram_and_its_devices(String capture) throws Exception {
        MemoryRam ram = new MemoryRam();

        IncomingMigration migration = from(CapturedLayouts.resource(capture + ".mig.gz"));

        VmState state = migration.into(ram);

        assertThat(migration.neverSentPages()).isZero();
        assertThat(ram.hashes()).isEqualTo(CapturedLayouts.ramHashes(capture));
        assertThat(state.sections()).extracting(Section::idstr).contains("cpu").endsWith("globalstate");
        assertThat(state.vmdescription()).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcp-return-path", "tcp-switchover-ack", "postcopy-unused"})
    void a_source_that_keeps_the_socket_open_gets_its_answers(String capture) throws Exception {
        MemoryRam ram = new MemoryRam();
        ByteArrayOutputStream answers = new ByteArrayOutputStream();
        InputStream open = new SequenceInputStream(
                new ByteArrayInputStream(CapturedLayouts.resource(capture + ".conn0.fwd.gz")), new OpenEnd());
        ReturnPath returnPath = new ReturnPath(Channels.newChannel(answers));
        IncomingMigration migration =
                IncomingMigration.from(Channels.newChannel(open)).returnPath(returnPath);
        if (capture.equals("tcp-switchover-ack")) {
            migration.switchoverAck();
        }

        VmState state = migration.into(ram);
        returnPath.shut(0);

        assertThat(state.sections()).isNotEmpty();
        assertThat(ram.hashes()).isEqualTo(CapturedLayouts.ramHashes(capture));
        assertThat(answers.toByteArray()).isEqualTo(CapturedLayouts.resource(capture + ".conn0.rev.gz"));
    }

    /** A socket on which nothing more comes: reading there would never return. */
    private static final class OpenEnd extends InputStream {
        @Override
        public int read() {
            throw new AssertionError("read past the end of the stream");
        }

        @Override
        public int read(byte[] target, int offset, int lengthBytes) {
            return read();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "multifd-none, PER_ROUND",
        "multifd-none, AS_START_SHOWS",
        "multifd-legacy, AS_START_SHOWS",
        "multifd-72to10, PER_SECTION",
        "multifd-72to10, AS_START_SHOWS",
        "multifd-10to72, AS_START_SHOWS"
    })
    void the_multifd_channels_are_brought_in_step_as_the_source_does_it(String capture, MultifdSync.Mode mode)
            throws Exception {
        List<String> calls = new ArrayList<>();

        from(CapturedLayouts.resource(capture + ".conn0.fwd.gz"))
                .multifd(noting(calls), mode)
                .into(new MemoryRam());

        assertThat(calls).containsExactly("begin 6", "sync", "sync", "sync");
    }

    @Test
    void a_source_that_sends_with_multifd_is_refused_where_there_are_no_channels() {
        assertThatThrownBy(() -> from(CapturedLayouts.resource("multifd-none.conn0.fwd.gz"))
                        .into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("the source sends with multifd");
    }

    @Test
    void a_source_that_sends_with_multifd_and_does_not_say_so_is_refused() {
        assertThatThrownBy(() -> from(CapturedLayouts.resource("multifd-72to10.conn0.fwd.gz"))
                        .into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("if the source's capability multifd is on");
    }

    @Test
    void a_flush_record_is_refused_where_sections_are_the_marker() {
        assertThatThrownBy(() -> from(CapturedLayouts.resource("multifd-none.conn0.fwd.gz"))
                        .multifd(noting(new ArrayList<>()), MultifdSync.Mode.PER_SECTION)
                        .into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("MULTIFD_FLUSH");
    }

    private static MultifdSync noting(List<String> calls) {
        return new MultifdSync() {
            @Override
            public void begin(RamLayout layout) {
                calls.add("begin " + layout.blocks().size());
            }

            @Override
            public void sync() {
                calls.add("sync");
            }
        };
    }

    @Test
    void progress_adds_up_to_the_pages_received() throws Exception {
        AtomicLong told = new AtomicLong();
        AtomicLong calls = new AtomicLong();
        MemoryRam ram = new MemoryRam();

        from(CapturedLayouts.resource("precopy-pc.mig.gz"))
                .progress(new Progress() {
                    @Override
                    public void phase(String name, long totalBytes) {}

                    @Override
                    public void advance(long bytes) {
                        told.addAndGet(bytes);
                        calls.incrementAndGet();
                    }
                })
                .into(ram);

        assertThat(told.get()).isEqualTo(ram.layout().totalBytes());
        assertThat(calls.get()).isLessThan(10);
    }

    @ParameterizedTest
    @ValueSource(strings = {"postcopy-first", "postcopy-mid"})
    void a_switch_to_postcopy_that_nobody_asked_for_is_refused_by_name(String capture) {
        assertThatThrownBy(() -> from(CapturedLayouts.resource(capture + ".conn0.fwd.gz"))
                        .into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("postcopy, which is not supported by receive yet");
    }

    @Test
    void ram_that_is_shared_and_not_sent_is_refused_by_name() {
        assertThatThrownBy(() ->
                        from(CapturedLayouts.resource("ignore-shared.mig.gz")).into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("x-ignore-shared");
    }

    @Test
    void a_ping_without_a_return_path_is_refused() throws Exception {
        byte[] stream = StreamBytes.started().command(2, 0, 0, 0, 1).tail().bytes();

        assertThatThrownBy(() -> from(stream).into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("PING");
    }

    @Test
    void colo_is_refused_by_name() throws Exception {
        byte[] stream = StreamBytes.headed().command(8).bytes();

        assertThatThrownBy(() -> from(stream).into(new MemoryRam())).hasMessageContaining("COLO");
    }

    @Test
    void a_damaged_delta_is_refused_where_it_ends() throws Exception {
        byte[] stream = StreamBytes.started()
                .part(1)
                .named(RamFlags.XBZRLE, 0, "low")
                .u8(1)
                .u16(2)
                .u8(0)
                .u8(0)
                .bytes();

        assertThatThrownBy(() -> from(stream).into(new MemoryRam()))
                .isInstanceOfSatisfying(
                        StreamFormatException.class,
                        e -> assertThat(e.positionBytes()).isEqualTo(stream.length));
    }

    @Test
    void a_stream_without_ram_is_refused() throws Exception {
        byte[] stream = StreamBytes.headed().u8(0).bytes();

        assertThatThrownBy(() -> from(stream).into(new MemoryRam())).hasMessageContaining("a stream with RAM in it");
    }

    @Test
    void a_stream_that_leaves_pages_out_is_refused_unless_a_device_accounts_for_them() throws Exception {
        StreamBytes some = StreamBytes.started()
                .part(1)
                .named(RamFlags.ZERO, 0, "low")
                .u8(0)
                .eos(1)
                .end(1)
                .eos(1);
        byte[] partly = some.bytes();
        byte[] without = joined(partly, new StreamBytes().device(9).u8(0).bytes());
        byte[] withBalloon = joined(
                partly,
                new StreamBytes()
                        .u8(4)
                        .u32(9)
                        .counted("0000:00:03.0/virtio-balloon")
                        .u32(0)
                        .u32(1)
                        .footer(9)
                        .u8(0)
                        .bytes());

        assertThatThrownBy(() -> from(without).into(new MemoryRam()))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("none for 5 of them");
        IncomingMigration migration = from(withBalloon);
        migration.into(new MemoryRam());
        assertThat(migration.neverSentPages()).isEqualTo(5);
    }

    private static byte[] joined(byte[] first, byte[] second) {
        return ByteBuffer.allocate(first.length + second.length)
                .put(first)
                .put(second)
                .array();
    }

    @Test
    @Timeout(30)
    void a_source_that_stays_silent_behind_a_tail_without_a_vmdescription_is_done() throws Exception {
        byte[] whole = StreamBytes.whole();
        int withoutDescription = whole.length - StreamBytes.VMDESCRIPTION.length() - 5;
        Pipe pipe = Pipe.open();
        pipe.sink().write(ByteBuffer.wrap(whole, 0, withoutDescription));
        MemoryRam ram = new MemoryRam();

        VmState state = IncomingMigration.from(pipe.source())
                .returnPath(new ReturnPath(Channels.newChannel(new ByteArrayOutputStream())))
                .inputEnd(() -> pipe.sink().close())
                .into(ram);

        assertThat(state.sections()).extracting(Section::idstr).endsWith("dev");
        assertThat(state.vmdescription()).isEmpty();
    }
}
