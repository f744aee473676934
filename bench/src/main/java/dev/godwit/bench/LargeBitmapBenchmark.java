package dev.godwit.bench;

import dev.godwit.ram.PageBitmap;
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

/** The bitmap of 1 TiB of RAM, of which one page of 4096 is set: walked over, merged into another, counted. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class LargeBitmapBenchmark {

    private static final long PAGES = 1L << 28;
    private static final int SET_ONE_OF = 4096;

    private final PageBitmap bitmap = new PageBitmap(PAGES);
    private final PageBitmap other = new PageBitmap(PAGES);

    /** Sets the pages. */
    @Setup
    public void fill() {
        SplittableRandom random = new SplittableRandom(25);
        for (long set = 0; set < PAGES / SET_ONE_OF; set++) {
            bitmap.set(random.nextLong(PAGES));
            other.set(random.nextLong(PAGES));
        }
    }

    /** {@return the sum of the set pages} */
    @Benchmark
    public long walk() {
        long sum = 0;
        for (long page = bitmap.nextSet(0); page >= 0; page = bitmap.nextSet(page + 1)) {
            sum += page;
        }
        return sum;
    }

    /** Merges one into the other. */
    @Benchmark
    public void merge() {
        other.or(bitmap);
    }

    /** {@return how many pages are set} */
    @Benchmark
    public long count() {
        return bitmap.setPages();
    }
}
