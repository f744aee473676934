package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ByteInputTest {

    /** Gives a few bytes at a time, as a socket may. */
    private static ByteInput trickling(byte[] bytes, int pieceBytes) {
        ReadableByteChannel all = Channels.newChannel(new ByteArrayInputStream(bytes));
        return new ByteInput(new ReadableByteChannel() {
            @Override
            public int read(ByteBuffer target) throws java.io.IOException {
                ByteBuffer piece = target.duplicate();
                piece.limit(Math.min(target.limit(), target.position() + pieceBytes));
                int read = all.read(piece);
                target.position(piece.position());
                return read;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        });
    }

    @Test
    void what_is_to_be_done_before_waiting_is_done_before_each_read_and_not_between() throws Exception {
        ByteInput input = trickling(new byte[] {1, 2, 3, 4, 5}, 4);
        int[] pauses = new int[1];
        input.beforeWaiting(() -> pauses[0]++);

        input.u8();
        assertThat(pauses[0]).isEqualTo(1);
        input.u16();
        input.u8();
        assertThat(pauses[0]).as("all of it was there").isEqualTo(1);
        input.u8();
        assertThat(pauses[0]).isEqualTo(2);
        assertThat(input.atEnd()).isTrue();
        assertThat(pauses[0]).as("an end is waited for too").isEqualTo(3);
    }

    @Test
    void values_come_out_as_they_went_in() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        output.u8(0xfe);
        output.u16(0xfedc);
        output.u32(0xfedcba98);
        output.u64(0xfedcba9876543210L);
        output.countedString("pc.räm");
        assertThat(output.position()).isEqualTo(23);
        output.flush();

        ByteInput input = trickling(bytes.toByteArray(), 3);

        assertThat(input.peek()).isEqualTo(0xfe);
        assertThat(input.u8()).isEqualTo(0xfe);
        assertThat(input.u16()).isEqualTo(0xfedc);
        assertThat(input.u32()).isEqualTo(0xfedcba98);
        assertThat(input.u64()).isEqualTo(0xfedcba9876543210L);
        assertThat(input.countedString("a name")).isEqualTo("pc.räm");
        assertThat(input.position()).isEqualTo(23);
        assertThat(input.atEnd()).isTrue();
    }

    @Test
    void runs_longer_than_the_buffer_keep_their_order_and_position() throws Exception {
        byte[] bytes = new byte[3 * ByteInput.BUFFER_BYTES + 17];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i / 4096 + i);
        }
        ByteArrayOutputStream copied = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(copied));
        ByteInput input = trickling(bytes, 70_000);

        output.u8(input.u8());
        output.write(input.bytes(ByteInput.BUFFER_BYTES + 5));
        byte[] rest = new byte[ByteInput.BUFFER_BYTES];
        input.readFully(rest);
        output.write(rest);
        while (input.position() < bytes.length) {
            output.write(input.take((int) Math.min(4096, bytes.length - input.position())));
        }
        output.flush();

        assertThat(copied.toByteArray()).isEqualTo(bytes);
        assertThat(output.position()).isEqualTo(bytes.length);
    }

    @Test
    void the_longest_run_is_lent_though_nothing_was_read_before() throws Exception {
        byte[] bytes = new byte[ByteInput.BUFFER_BYTES + 3];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i / 4096 + i);
        }
        ByteInput input = trickling(bytes, 70_000);

        assertThat(input.take(ByteInput.BUFFER_BYTES).toArray(ValueLayout.JAVA_BYTE))
                .isEqualTo(Arrays.copyOf(bytes, ByteInput.BUFFER_BYTES));
        assertThat((byte) input.u8()).isEqualTo(bytes[bytes.length - 3]);
        assertThat((byte) input.u8()).isEqualTo(bytes[bytes.length - 2]);
        assertThat(input.position()).isEqualTo(bytes.length - 1);
    }

    @Test
    void the_end_inside_a_value_is_refused_with_its_position() {
        ByteInput input = new ByteInput(Channels.newChannel(new ByteArrayInputStream(new byte[7])), 100);
        input.section("ram PART");

        assertThatThrownBy(input::u64)
                .isInstanceOfSatisfying(
                        StreamFormatException.class,
                        e -> assertThat(e.positionBytes()).isEqualTo(107))
                .hasMessage("ram PART at byte 107 (0x6b): expected 1 more bytes, found the end of the input");
    }

    @Test
    void a_length_that_lies_costs_no_memory() {
        ByteInput input = StreamBytes.input(new byte[10]);

        assertThatThrownBy(() -> input.bytes(Integer.MAX_VALUE)).isInstanceOf(StreamFormatException.class);
    }

    @Test
    void bytes_that_are_there_are_read_and_left_as_they_were() throws Exception {
        byte[] content = {1, 2, 3, 4};
        ByteInput input = ByteInput.of(content);

        assertThatThrownBy(input::u64).isInstanceOf(StreamFormatException.class);
        assertThat(input.u16()).isEqualTo(0x0102);
        assertThatThrownBy(input::u32).isInstanceOf(StreamFormatException.class);
        assertThat(input.u16()).isEqualTo(0x0304);
        assertThat(input.atEnd()).isTrue();
        assertThat(content).containsExactly(1, 2, 3, 4);
    }

    @Test
    void an_early_device_without_end_is_refused_in_a_long_input_too() throws Exception {
        byte[] stream = Arrays.copyOf(
                StreamBytes.started().u8(4).u32(9).counted("dev").u32(0).u32(1).bytes(), 3 << 20);

        assertThatThrownBy(() -> new StreamReader(
                                ByteInput.of(stream), StreamOptions.ENDS, new RecordingVisitor(new MemoryRam()))
                        .read())
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("the footer of an early device section");
        assertThatThrownBy(() -> new StreamReader(
                                new ByteInput(Channels.newChannel(new ByteArrayInputStream(stream))),
                                StreamOptions.ENDS,
                                new RecordingVisitor(new MemoryRam()))
                        .read())
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("the footer of an early device section");
    }

    @Test
    void a_skip_goes_past_the_buffer() throws Exception {
        ByteInput input = StreamBytes.input(new byte[2 * ByteInput.BUFFER_BYTES]);

        input.skip(2 * ByteInput.BUFFER_BYTES - 1);

        assertThat(input.u8()).isZero();
        assertThat(input.atEnd()).isTrue();
    }

    @Test
    void a_segment_past_the_buffer_is_written_in_order() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        MemorySegment large = MemorySegment.ofArray(new byte[3 << 20]);
        large.set(ValueLayout.JAVA_BYTE, 0, (byte) 2);

        output.u8(1);
        output.write(large);
        output.u8(3);
        output.flush();

        assertThat(bytes.size()).isEqualTo((3 << 20) + 2);
        assertThat(bytes.toByteArray()).startsWith(1, 2, 0).endsWith(0, 3);
    }
}
