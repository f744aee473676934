package dev.godwit.qemu.multifd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ScatteringByteChannel;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets out of a channel that brings them in pieces of any length. */
class PacketInputTest {

    private static final int PAYLOAD_BYTES = 3 * Page.SIZE_BYTES;

    private static byte[] packets(int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * (MultifdPacket.LENGTH_BYTES + PAYLOAD_BYTES));
        for (int i = 0; i < count; i++) {
            new MultifdPacket(0, MultifdPacket.MAX_PAGES, 0, i, "pc.ram", 3, new long[] {0, 4096, 8192}).write(bytes);
            byte[] payload = new byte[PAYLOAD_BYTES];
            Arrays.fill(payload, (byte) (i + 1));
            bytes.put(payload);
        }
        return bytes.array();
    }

    private static ScatteringByteChannel inPieces(byte[] content, int pieceBytes) {
        var all = Channels.newChannel(new ByteArrayInputStream(content));
        return new ScatteringByteChannel() {
            @Override
            public int read(ByteBuffer target) throws IOException {
                ByteBuffer piece = target.slice(target.position(), Math.min(pieceBytes, target.remaining()));
                int read = all.read(piece);
                target.position(target.position() + Math.max(0, read));
                return read;
            }

            @Override
            public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
                long done = 0;
                for (int i = offset; i < offset + length && done < pieceBytes; i++) {
                    int most = (int) Math.min(targets[i].remaining(), pieceBytes - done);
                    int read = all.read(targets[i].slice(targets[i].position(), most));
                    if (read < 0) {
                        return done > 0 ? done : -1;
                    }
                    targets[i].position(targets[i].position() + read);
                    done += read;
                }
                return done;
            }

            @Override
            public long read(ByteBuffer[] targets) throws IOException {
                return read(targets, 0, targets.length);
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };
    }

    @ParameterizedTest(name = "pieces of {0} bytes")
    @ValueSource(ints = {1, 11, 1343, 1344, 1345, 4096, 13632, 1 << 20})
    void every_packet_comes_whole_and_the_position_is_that_of_the_channel(int pieceBytes) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            PacketInput input = new PacketInput(inPieces(packets(4), pieceBytes), "channel", 1 << 19, arena);
            for (int i = 0; i < 4; i++) {
                assertThat(input.awaitHeader()).isTrue();
                assertThat(input.positionBytes())
                        .isEqualTo(64 + (long) i * (MultifdPacket.LENGTH_BYTES + PAYLOAD_BYTES));
                assertThat(input.header().packetNumber()).isEqualTo(i);
                MemorySegment payload = input.payload(PAYLOAD_BYTES);
                byte[] expected = new byte[PAYLOAD_BYTES];
                Arrays.fill(expected, (byte) (i + 1));
                assertThat(payload.mismatch(MemorySegment.ofArray(expected))).isEqualTo(-1);
                assertThat(payload.address() % Page.SIZE_BYTES).isZero();
            }
            assertThat(input.awaitHeader()).isFalse();
        }
    }

    @ParameterizedTest(name = "pieces of {0} bytes")
    @ValueSource(ints = {1, 11, 1343, 1344, 1345, 4096, 13632, 1 << 20})
    void payloads_that_are_read_to_where_they_belong_are_whole_too(int pieceBytes) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            PacketInput input = new PacketInput(inPieces(packets(4), pieceBytes), "channel", 1 << 19, arena);
            ByteBuffer[] targets = new ByteBuffer[4];
            for (int i = 0; i < 4; i++) {
                assertThat(input.awaitHeader()).isTrue();
                assertThat(input.positionBytes())
                        .isEqualTo(64 + (long) i * (MultifdPacket.LENGTH_BYTES + PAYLOAD_BYTES));
                assertThat(input.header().packetNumber()).isEqualTo(i);
                byte[] page = new byte[Page.SIZE_BYTES];
                byte[] pages = new byte[2 * Page.SIZE_BYTES];
                targets[0] = ByteBuffer.wrap(page);
                targets[1] = ByteBuffer.wrap(pages);
                input.scatter(targets, 2, PAYLOAD_BYTES);
                assertThat(page).containsOnly(i + 1);
                assertThat(pages).containsOnly(i + 1);
            }
            assertThat(input.awaitHeader()).isFalse();
        }
    }

    @ParameterizedTest(name = "cut behind byte {0}")
    @ValueSource(ints = {1345, 5000, 13631})
    void a_payload_that_is_cut_on_its_way_to_where_it_belongs_is_refused_where_it_ends(int lengthBytes)
            throws IOException {
        byte[] cut = Arrays.copyOf(packets(1), lengthBytes);
        try (Arena arena = Arena.ofConfined()) {
            PacketInput input = new PacketInput(inPieces(cut, 1000), "channel", 1 << 19, arena);
            assertThat(input.awaitHeader()).isTrue();
            input.header();
            ByteBuffer[] targets = {ByteBuffer.allocate(PAYLOAD_BYTES), ByteBuffer.allocate(0)};
            assertThatThrownBy(() -> input.scatter(targets, 1, PAYLOAD_BYTES))
                    .isInstanceOfSatisfying(
                            StreamFormatException.class,
                            e -> assertThat(e.positionBytes()).isEqualTo(64 + lengthBytes));
        }
    }

    @ParameterizedTest(name = "cut behind byte {0}")
    @ValueSource(ints = {1, 11, 12, 1343, 1344, 5000, 13631, 13633})
    void a_channel_that_ends_inside_a_packet_is_refused_where_it_ends(int lengthBytes) {
        byte[] cut = Arrays.copyOf(packets(2), lengthBytes);
        try (Arena arena = Arena.ofConfined()) {
            PacketInput input = new PacketInput(inPieces(cut, 1 << 20), "channel", 1 << 19, arena);
            assertThatThrownBy(() -> {
                        while (input.awaitHeader()) {
                            input.header();
                            input.payload(PAYLOAD_BYTES);
                        }
                    })
                    .isInstanceOfSatisfying(
                            StreamFormatException.class,
                            e -> assertThat(e.positionBytes()).isEqualTo(64 + lengthBytes));
        }
    }
}
