package dev.godwit.bench;

import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.Xbzrle;
import dev.godwit.codec.XbzrleEncoder;
import dev.godwit.ram.Page;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
import org.openjdk.jmh.annotations.Warmup;

/** XBZRLE of a page of which 64-byte runs have changed. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class XbzrleBenchmark {

    /** How many runs. */
    @Param({"1", "6", "32"})
    public int changedRuns = 1;

    private final MemorySegment base = Arena.ofAuto().allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private final MemorySegment page = Arena.ofAuto().allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private final MemorySegment scratch = Arena.ofAuto().allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private final XbzrleEncoder encoder = new XbzrleEncoder();
    private MemorySegment delta = MemorySegment.NULL;

    /** Makes the pages and their delta. */
    @Setup
    public void fill() {
        SplittableRandom random = new SplittableRandom(25);
        byte[] bytes = new byte[Page.SIZE_BYTES];
        random.nextBytes(bytes);
        base.copyFrom(MemorySegment.ofArray(bytes));
        page.copyFrom(base);
        for (int run = 0; run < changedRuns; run++) {
            long start = random.nextInt(Page.SIZE_BYTES / 64) * 64L;
            for (long at = start; at < start + 64; at++) {
                page.set(ValueLayout.JAVA_BYTE, at, (byte) ~base.get(ValueLayout.JAVA_BYTE, at));
            }
        }
        int lengthBytes = encoder.encode(base, page, scratch);
        delta = Arena.ofAuto().allocate(lengthBytes).copyFrom(scratch.asSlice(0, lengthBytes));
    }

    /** {@return the delta's length} */
    @Benchmark
    public int encode() {
        return encoder.encode(base, page, scratch);
    }

    /** Decodes the delta onto the page as it already is, which costs the same. */
    @Benchmark
    public void decode() throws PageDecodingException {
        Xbzrle.decode(delta, page);
    }
}
