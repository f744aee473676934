package dev.godwit.qemu.multifd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.qemu.vmstate.CapturedLayouts;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MultifdPacketTest {

    @ParameterizedTest
    @ValueSource(strings = {"multifd-none", "multifd-zlib", "multifd-zstd", "multifd-legacy"})
    void captured_packets_are_written_as_they_were_read(String capture) throws Exception {
        Set<Long> numbers = new HashSet<>();
        for (int channel = 1; channel <= 2; channel++) {
            byte[] bytes = CapturedLayouts.resource(capture + ".conn" + channel + ".fwd.gz");
            ByteBuffer in = ByteBuffer.wrap(bytes);
            ByteBuffer written = ByteBuffer.allocate(bytes.length);
            MultifdInit init = MultifdInit.read(in, 0);
            assertThat(init.uuid()).isEqualTo(new UUID(0, 0));
            assertThat(init.channelId()).isBetween(0, 1);
            init.write(written);
            while (in.hasRemaining()) {
                MultifdPacket packet = MultifdPacket.read(in, in.position());
                numbers.add(packet.packetNumber());
                packet.write(written);
                written.put(in.slice(in.position(), packet.payloadBytes()));
                in.position(in.position() + packet.payloadBytes());
            }
            assertThat(written.array()).isEqualTo(bytes);
        }
        for (long number = 0; number < numbers.size(); number++) {
            assertThat(numbers).contains(number);
        }
    }

    @Test
    void a_name_without_an_end_is_refused() {
        byte[] bytes = new byte[MultifdPacket.LENGTH_BYTES];
        ByteBuffer packet = ByteBuffer.wrap(bytes);
        new MultifdPacket(0, 128, 0, 0, "", 0, new long[0]).write(packet);
        Arrays.fill(bytes, 64, 320, (byte) 'a');
        assertThatThrownBy(() -> MultifdPacket.read(packet.rewind(), 0)).hasMessageContaining("ends with NUL");
    }

    @Test
    void a_compressed_payload_longer_than_qemu_has_room_for_is_refused() {
        ByteBuffer packet = ByteBuffer.allocate(MultifdPacket.LENGTH_BYTES);
        new MultifdPacket(0x04, 128, MultifdPacket.MAX_PAYLOAD_BYTES + 1, 0, "ram", 1, new long[1]).write(packet);
        assertThatThrownBy(() -> MultifdPacket.read(packet.rewind(), 0)).hasMessageContaining("next_packet_size");
    }

    @Test
    void connections_are_told_apart_by_their_first_bytes() {
        assertThat(ConnectionKind.ofFirstBytes(0x5145564d)).contains(ConnectionKind.MAIN);
        assertThat(ConnectionKind.ofFirstBytes(0x11223344)).contains(ConnectionKind.MULTIFD);
        assertThat(ConnectionKind.ofFirstBytes(0x16030102)).isEmpty();
    }
}
