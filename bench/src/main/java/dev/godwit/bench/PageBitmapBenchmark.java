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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The bitmap of a 4 GiB block: walked over, and a page marked zero where no other is set. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class PageBitmapBenchmark {

    private static final long PAGES = 1 << 20;

    /** One page of so many is set. */
    @Param({"2", "64", "4096"})
    public int setOneOf = 2;

    private final PageBitmap bitmap = new PageBitmap(PAGES);
    private final PageBitmap empty = new PageBitmap(PAGES);

    /** Sets the pages. */
    @Setup
    public void fill() {
        SplittableRandom random = new SplittableRandom(25);
        for (long page = 0; page < PAGES; page++) {
            if (random.nextInt(setOneOf) == 0) {
                bitmap.set(page);
            }
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

    /** Clears one page. */
    @Benchmark
    public void clearOnePage() {
        empty.clear(0, 1);
    }
}
