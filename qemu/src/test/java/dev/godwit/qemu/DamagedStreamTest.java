package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DamagedStreamTest {

    private static boolean inPages(byte value) {
        return value == 0x5a || value == 0x5b;
    }

    private static void receive(byte[] stream) throws Exception {
        IncomingMigration.from(ByteInput.of(stream)).into(new MemoryRam());
    }

    @Test
    void a_stream_cut_off_anywhere_is_refused() throws Exception {
        byte[] stream = StreamBytes.whole();
        // Behind EOF the stream is whole: a vmdescription may be missing.
        int wholeWithout = stream.length - StreamBytes.VMDESCRIPTION.length() - 5;
        receive(Arrays.copyOf(stream, wholeWithout));

        for (int length = 0; length < stream.length; length++) {
            if (length == wholeWithout || (inPages(stream[length]) && length % 64 != 0)) {
                continue;
            }
            byte[] cut = Arrays.copyOf(stream, length);
            assertThatThrownBy(() -> receive(cut))
                    .as("cut at %d", length)
                    .isInstanceOfSatisfying(
                            StreamFormatException.class,
                            e -> assertThat(e.positionBytes()).isBetween(0L, (long) cut.length));
        }
    }

    @Test
    void a_stream_with_any_bit_flipped_outside_the_pages_is_read_or_refused() throws Exception {
        byte[] stream = StreamBytes.whole();
        for (int bit = 0; bit < stream.length * 8; bit++) {
            if (inPages(stream[bit / 8])) {
                continue;
            }
            byte[] flipped = stream.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            readOrRefuse(flipped);
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void a_stream_with_random_bytes_changed_is_read_or_refused(long seed) throws Exception {
        Random random = new Random(seed);
        byte[] stream = StreamBytes.whole();
        for (int round = 0; round < 200; round++) {
            byte[] changed = stream.clone();
            for (int i = 0; i <= random.nextInt(4); i++) {
                changed[random.nextInt(changed.length)] = (byte) random.nextInt();
            }
            readOrRefuse(changed);
        }
    }

    static LongStream seeds() {
        return LongStream.rangeClosed(1, 4);
    }

    private static void readOrRefuse(byte[] stream) throws Exception {
        try {
            receive(stream);
        } catch (StreamFormatException e) {
            assertThat(e.positionBytes()).isBetween(0L, (long) stream.length);
        }
    }
}
