package dev.godwit.bench;

import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.VmState;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The reading of a precopy stream of 64 MiB of RAM from memory, without keeping a page. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class IncomingMigrationBenchmark {

    private static final int PAGES = 16384;

    /** Whether every second page is zero. */
    @Param({"false", "true"})
    public boolean halfZero;

    private byte[] stream = new byte[0];

    /** Makes the stream. */
    @Setup
    public void make() throws IOException {
        stream = PrecopyStream.of(PAGES, halfZero);
    }

    /** {@return the state} */
    @Benchmark
    public VmState read() throws IOException {
        return IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(stream)))
                .into(new DroppedPages());
    }
}
