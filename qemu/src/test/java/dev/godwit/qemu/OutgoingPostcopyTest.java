package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is sent to a destination whose every answer is known beforehand, honest or not. */
@Timeout(60)
class OutgoingPostcopyTest {

    private static final int PAGES = 20;

    private final MemoryRam ram = new MemoryRam();
    private final VmState state = new VmState(
            new Configuration("pc", OptionalInt.empty(), List.of(Configuration.MAPPED_RAM), Optional.empty()),
            3,
            List.of(new Section(SectionType.FULL, 9, "timer", 0, 2, new byte[] {1, 2, 3}, false)),
            Optional.empty());
    private final PostcopyCounters counters = new PostcopyCounters();

    @BeforeEach
    void every_second_page_has_content() {
        ram.begin(new RamLayout(List.of(new RamBlock("a", PAGES * 4096L), new RamBlock("b", 4096))));
        for (int page = 1; page < PAGES; page += 2) {
            ram.memory(0).asSlice(page * 4096L, 4096).fill((byte) page);
        }
    }

    /** Says its answers at once, and stays silent behind them until it is closed. */
    private static final class Destination implements ReadableByteChannel, WritableByteChannel {
        private final ReadableByteChannel answers;
        private final boolean hangsUp;
        private final ByteArrayOutputStream sent = new ByteArrayOutputStream();
        private boolean open = true;

        Destination(boolean hangsUp, ReturnPathMessage... messages) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
            for (ReturnPathMessage message : messages) {
                ReturnPathMessages.write(output, message);
            }
            output.flush();
            this.answers = Channels.newChannel(new ByteArrayInputStream(bytes.toByteArray()));
            this.hangsUp = hangsUp;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            int read = answers.read(target);
            synchronized (this) {
                while (read < 0 && !hangsUp && open) {
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                }
            }
            return read;
        }

        @Override
        public synchronized int write(ByteBuffer source) {
            int bytes = source.remaining();
            byte[] content = new byte[bytes];
            source.get(content);
            sent.writeBytes(content);
            return bytes;
        }

        @Override
        public synchronized boolean isOpen() {
            return open;
        }

        @Override
        public synchronized void close() {
            open = false;
            notifyAll();
        }
    }

    private OutgoingPostcopy postcopy(RamSource source) {
        PageClaims claims = new PageClaims(source);
        return new OutgoingPostcopy(source, state, claims, PushOrder.linear(claims), counters);
    }

    private List<String> heard(byte[] stream, MemoryRam into) throws IOException {
        RecordingVisitor visitor = new RecordingVisitor(into);
        new StreamReader(
                        new ByteInput(Channels.newChannel(new ByteArrayInputStream(stream))),
                        StreamOptions.ENDS,
                        visitor)
                .read();
        return visitor.lines().stream().map(line -> line.substring(9)).toList();
    }

    @Test
    void the_guest_is_started_before_its_pages_and_each_page_is_sent_once() throws Exception {
        MemoryRam arrived = new MemoryRam();
        List<String> lines;
        try (Destination destination = new Destination(
                false,
                new ReturnPathMessage.Pong(1),
                new ReturnPathMessage.RequestPagesOf("a", 4096, 4096),
                new ReturnPathMessage.RequestPages(8192, 8192),
                new ReturnPathMessage.RequestPages(8192, 4096),
                new ReturnPathMessage.Pong(3),
                new ReturnPathMessage.Shut(0))) {
            postcopy(ram).send(destination);
            lines = heard(destination.sent.toByteArray(), arrived);
        }

        assertThat(arrived.memory(0).mismatch(ram.memory(0))).isEqualTo(-1);
        assertThat(lines)
                .containsSubsequence(
                        "magic QEVM version 3",
                        "CONFIGURATION machine='pc'",
                        "COMMAND OPEN_RETURN_PATH",
                        "COMMAND PING",
                        "COMMAND POSTCOPY_ADVISE",
                        "COMMAND DISCARD",
                        "COMMAND DISCARD");
        PostcopyCounters.Totals totals = counters.totals();
        assertThat(totals.pushedBytes() + totals.requestedBytes() - totals.zeroAnswers() * 4096)
                .isEqualTo(PAGES / 2 * 4096);
        assertThat(totals.requests()).isLessThanOrEqualTo(3);
    }

    static List<ReturnPathMessage> nonsense() {
        return List.of(
                new ReturnPathMessage.RequestPagesOf("c", 0, 4096),
                new ReturnPathMessage.RequestPagesOf("b", 4096, 4096),
                new ReturnPathMessage.RequestPagesOf("a", 4096, PAGES * 4096),
                new ReturnPathMessage.RequestPagesOf("a", -4096, 4096),
                new ReturnPathMessage.RequestPagesOf("a", 100, 4096),
                new ReturnPathMessage.RequestPagesOf("a", 0, 100),
                new ReturnPathMessage.RequestPagesOf("a", 0, 0),
                new ReturnPathMessage.RequestPagesOf("a", 0, -4096),
                new ReturnPathMessage.RequestPages(0, 4096),
                new ReturnPathMessage.ReceivedBitmap("c", new byte[8]),
                new ReturnPathMessage.ReceivedBitmap("a", new byte[16]),
                new ReturnPathMessage.ReceivedBitmap("a", new byte[] {0, 0, 0, 1, 0, 0, 0, 0}),
                new ReturnPathMessage.SwitchoverAck());
    }

    @ParameterizedTest
    @MethodSource("nonsense")
    void a_destination_that_asks_for_nonsense_is_left_before_the_end_of_ram(ReturnPathMessage message)
            throws Exception {
        try (Destination destination = new Destination(false, new ReturnPathMessage.Pong(1), message)) {
            assertThatThrownBy(() -> postcopy(ram).send(destination))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("return path");
        }
    }

    @Test
    void a_destination_that_fails_or_hangs_up_ends_it() throws Exception {
        try (Destination destination = new Destination(false, new ReturnPathMessage.Shut(1))) {
            assertThatThrownBy(() -> postcopy(ram).send(destination)).hasMessageContaining("SHUT 1");
        }
        try (Destination destination = new Destination(true, new ReturnPathMessage.Pong(1))) {
            assertThatThrownBy(() -> postcopy(ram).send(destination)).hasMessageContaining("hung up");
        }
    }

    @Test
    void a_page_that_cannot_be_read_is_neither_sent_nor_is_the_end() throws Exception {
        RamSource broken = new RamSource() {
            @Override
            public RamLayout layout() {
                return ram.layout();
            }

            @Override
            public PageBitmap present(int block) {
                return ram.present(block);
            }

            @Override
            public void read(int block, long offset, MemorySegment target) throws IOException {
                if (offset <= 11 * 4096 && offset + target.byteSize() > 11 * 4096) {
                    throw new IOException("the disk is gone");
                }
                ram.read(block, offset, target);
            }
        };
        try (Destination destination = new Destination(false, new ReturnPathMessage.Pong(1))) {
            assertThatThrownBy(() -> postcopy(broken).send(destination))
                    .isInstanceOf(UnreadablePageException.class)
                    .hasMessageContaining("block a cannot be read at 0xb000: the disk is gone");
            assertThatThrownBy(() -> heard(destination.sent.toByteArray(), new MemoryRam()))
                    .as("a stream that has no end")
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void a_resumed_destination_is_sent_what_it_has_not() throws Exception {
        byte[] has = {(byte) 0b1010_1010, 0, 0, 0, 0, 0, 0, 0};
        byte[] nothing = new byte[8];
        byte[] sent;
        try (Destination destination = new Destination(
                false,
                new ReturnPathMessage.ReceivedBitmap("a", has),
                new ReturnPathMessage.ReceivedBitmap("b", nothing),
                new ReturnPathMessage.ResumeAck(),
                new ReturnPathMessage.Shut(0))) {
            postcopy(ram).resume(destination);
            sent = destination.sent.toByteArray();
        }
        assertThat(counters.totals().pushedBytes()).isEqualTo((PAGES / 2 - 4) * 4096);
        assertThat(sent).startsWith(0x08, 0x00, 0x0a, 0x00, 0x02, 0x01, 'a', 0x08, 0x00, 0x0a, 0x00, 0x02, 0x01, 'b');
        assertThat(sent).endsWith(0x7e, 0, 0, 0, 3, 0);
    }

    @Test
    void pages_that_are_there_before_the_guest_runs_come_after_the_discards_and_are_not_sent_again() throws Exception {
        MemoryRam arrived = new MemoryRam();
        byte[] sent;
        PageClaims claims = new PageClaims(ram);
        try (Destination destination =
                new Destination(false, new ReturnPathMessage.Pong(1), new ReturnPathMessage.Shut(0))) {
            new OutgoingPostcopy(ram, state, claims, PushOrder.linear(claims), counters)
                    .beforeRun(List.of(new PagePlace(0, 3), new PagePlace(0, 2), new PagePlace(0, 3)))
                    .send(destination);
            sent = destination.sent.toByteArray();
            heard(sent, arrived);
        }
        assertThat(arrived.memory(0).mismatch(ram.memory(0))).isEqualTo(-1);
        assertThat(HexFormat.of().formatHex(sent))
                .as("a discard of all of block a, which ends huge pages at the destination; then page 3")
                .containsSubsequence(
                        "00016100" + "0000000000000000" + "%016x".formatted(PAGES * 4096L),
                        HexFormat.of()
                                .formatHex(ram.memory(0).asSlice(3 * 4096, 64).toArray(ValueLayout.JAVA_BYTE)));
        assertThat(counters.totals().pushedBytes()).isEqualTo(PAGES / 2 * 4096);
        assertThat(counters.totals().pushedZeroBytes()).isEqualTo(4096);
    }

    @Test
    void a_million_requests_for_the_same_pages_are_answered_once_each() throws Exception {
        ReturnPathMessage[] messages = new ReturnPathMessage[1_000_002];
        messages[0] = new ReturnPathMessage.RequestPagesOf("a", 0, PAGES * 4096);
        for (int i = 1; i < messages.length - 1; i++) {
            messages[i] = new ReturnPathMessage.RequestPages(i % PAGES * 4096L, 4096);
        }
        messages[messages.length - 1] = new ReturnPathMessage.Shut(0);
        MemoryRam arrived = new MemoryRam();
        try (Destination destination = new Destination(false, messages)) {
            PushPace pace = new PushPace();
            pace.residency(Residency.NONE);
            PageClaims claims = new PageClaims(ram);
            new OutgoingPostcopy(ram, state, claims, PushOrder.linear(claims), counters)
                    .pace(pace)
                    .send(destination);
            heard(destination.sent.toByteArray(), arrived);
        }
        assertThat(arrived.memory(0).mismatch(ram.memory(0))).isEqualTo(-1);
        assertThat(counters.totals().requests()).isBetween(PAGES / 2L, (long) PAGES);
        assertThat(counters.totals().pushedBytes()).isZero();
    }

    @Test
    void pongs_out_of_order_and_of_pings_that_were_never_sent_change_nothing() throws Exception {
        try (Destination destination = new Destination(
                false,
                new ReturnPathMessage.Pong(0x1005),
                new ReturnPathMessage.Pong(4),
                new ReturnPathMessage.Pong(3),
                new ReturnPathMessage.Pong(-1),
                new ReturnPathMessage.Pong(1),
                new ReturnPathMessage.Shut(0))) {
            postcopy(ram).send(destination);
        }
        assertThat(counters.totals().pushedBytes()).isEqualTo(PAGES / 2 * 4096);
    }

    @Test
    void a_destination_that_never_answers_is_given_up() throws Exception {
        try (Destination destination = new Destination(false)) {
            assertThatThrownBy(() -> postcopy(ram).answerTimeoutMs(50).send(destination))
                    .hasMessageContaining("did not send its last word");
        }
        try (Destination destination = new Destination(false)) {
            assertThatThrownBy(() -> postcopy(ram)
                            .preempt(() -> destination, false)
                            .answerTimeoutMs(50)
                            .send(destination))
                    .hasMessageContaining("did not send an answer to the first PING");
        }
    }

    /** What it says is over, and what is said to it still goes through. */
    @Test
    void a_destination_that_closes_half_is_left() throws Exception {
        try (Destination destination = new Destination(
                true, new ReturnPathMessage.Pong(1), new ReturnPathMessage.RequestPagesOf("a", 4096, 4096))) {
            assertThatThrownBy(() -> postcopy(ram).send(destination)).hasMessageContaining("hung up");
        }
    }
}
