package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DescriptorStreamTest {

    @Test
    void a_unix_socket_with_a_larger_send_buffer_takes_more_before_it_is_read() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(UnixSocket.Type.STREAM);
                DescriptorStream stream = DescriptorStream.ofSocket(
                        pair.first().descriptor().duplicate().borrow())) {
            assertThat(stream.isUnix()).isTrue();

            stream.sendBufferBytes(512 << 10);

            assertThat(stream.write(ByteBuffer.allocateDirect(300 << 10))).isEqualTo(300 << 10); // or never
        }
    }
}
