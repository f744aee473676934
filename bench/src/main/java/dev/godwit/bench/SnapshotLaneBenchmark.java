package dev.godwit.bench;

import dev.godwit.engine.PageLane;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** 64 MiB of pages hashed and written again and again into a file on tmpfs, a page or a multifd packet at a time. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
@State(Scope.Benchmark)
public class SnapshotLaneBenchmark {

    private static final int TOTAL_BYTES = 64 << 20;

    /** How many pages come at once. */
    @Param({"1", "128"})
    public int pagesAtOnce = 1;

    private Path folder = Path.of("/dev/shm");
    private Arena arena = Arena.ofShared();
    private MemorySegment memory = MemorySegment.NULL;

    @SuppressWarnings("NullAway.Init") // by @Setup, which NullAway does not know
    private SnapshotWriter writer;

    @SuppressWarnings("NullAway.Init") // likewise
    private PageLane lane;

    /** Begins a snapshot that is never committed. */
    @Setup
    public void begin() throws IOException {
        folder = Files.createTempDirectory(Path.of("/dev/shm"), "godwit-bench");
        memory = arena.allocate(TOTAL_BYTES, Page.SIZE_BYTES);
        byte[] random = new byte[TOTAL_BYTES];
        new SplittableRandom(25).nextBytes(random);
        memory.copyFrom(MemorySegment.ofArray(random));
        writer = SnapshotWriter.create(folder.resolve("snapshot"), new SnapshotOptions(false));
        writer.begin(new RamLayout(List.of(new RamBlock("pc.ram", TOTAL_BYTES))));
        lane = writer.lane();
    }

    /** Removes what was written. */
    @TearDown
    public void end() throws IOException {
        writer.close();
        arena.close();
        Files.delete(folder);
    }

    /** Writes all of the memory. */
    @Benchmark
    public void write() throws IOException {
        long stepBytes = (long) pagesAtOnce * Page.SIZE_BYTES;
        for (long at = 0; at < TOTAL_BYTES; at += stepBytes) {
            lane.pages(0, at, memory.asSlice(at, stepBytes));
        }
        lane.flush();
    }
}
