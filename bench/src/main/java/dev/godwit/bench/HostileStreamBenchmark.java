package dev.godwit.bench;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.IncomingMigration;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Streams of four pages of which one byte outside the pages' content is another: how many a second are refused, or read
 * where the byte does not matter.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class HostileStreamBenchmark {

    private static final int PAGES = 4;
    private static final int STREAMS = 1024;
    private static final int HEAD_BYTES = 96;

    private final byte[][] streams = new byte[STREAMS][];
    private int next;

    /** Makes the streams; at least half of them are refused, or the benchmark is none. */
    @Setup
    public void make() throws IOException {
        SplittableRandom random = new SplittableRandom(25);
        byte[] sound = PrecopyStream.of(PAGES, false);
        int refused = 0;
        for (int index = 0; index < STREAMS; index++) {
            byte[] stream = sound.clone();
            int fromEnd = sound.length - PAGES * 4096 - HEAD_BYTES;
            int at = random.nextInt(HEAD_BYTES + fromEnd / 2);
            at = at < HEAD_BYTES ? at : sound.length - 1 - (at - HEAD_BYTES);
            stream[at] ^= (byte) (1 + random.nextInt(255));
            streams[index] = stream;
            refused += isRead(stream) ? 0 : 1;
        }
        if (refused < STREAMS / 2) {
            throw new AssertionError("only " + refused + " of " + STREAMS + " streams are refused");
        }
    }

    /** {@return whether the next stream was read} */
    @Benchmark
    public boolean refuse() throws IOException {
        return isRead(streams[next++ & (STREAMS - 1)]);
    }

    private static boolean isRead(byte[] stream) throws IOException {
        try {
            IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(stream)))
                    .into(new DroppedPages());
            return true;
        } catch (StreamFormatException _) {
            return false;
        }
    }
}
