package dev.godwit.bench;

import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.host.RamAllocation;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.TransparentHugePages;
import dev.godwit.linux.NativeMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The dirty log of 1 GiB: armed and disarmed; collected with a share of the pages written; the writes themselves. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5)
@Measurement(iterations = 15)
@Fork(1)
@State(Scope.Benchmark)
public class DirtyLogBenchmark {

    private static final long PAGES = 1 << 18;
    private static final RamLayout LAYOUT = new RamLayout(List.of(new RamBlock("ram", PAGES * 4096)));

    /** What the memory is made of. */
    @Param({"ANONYMOUS", "ANONYMOUS_THP", "MEMFD"})
    public String memory = "ANONYMOUS";

    /** The share of the pages that is written before each measurement. */
    @Param({"0", "1", "10", "100"})
    public int dirtyPercentage = 10;

    private final List<PageBitmap> dirty = List.of(new PageBitmap(PAGES));

    @SuppressWarnings("NullAway.Init") // by @Setup, which NullAway does not know
    private RamAllocation ram;

    @SuppressWarnings("NullAway.Init") // likewise
    private PagemapDirtyLog log;

    /** Maps and fills the memory. */
    @Setup
    public void fill() throws IOException {
        ram = RamAllocation.allocate(
                LAYOUT,
                switch (memory) {
                    case "ANONYMOUS" -> new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.UNWANTED);
                    case "ANONYMOUS_THP" -> new RamOptions(RamBacking.ANONYMOUS, TransparentHugePages.WANTED);
                    default -> RamOptions.of(RamBacking.MEMFD);
                });
        NativeMemory.fill(ram.memory().hostAddress(0, 0), 1, PAGES * 4096);
        log = PagemapDirtyLog.start(ram);
    }

    /** Writes the pages, in turn over all of the memory. */
    @Setup(Level.Invocation)
    public void write() {
        dirty.getFirst().clear(0, PAGES);
        writePages();
    }

    /** Unmaps it. */
    @TearDown
    public void unmap() throws IOException {
        log.close();
        ram.close();
    }

    /** {@return the pages that were written} */
    @Benchmark
    public long collect() throws IOException {
        return log.collect(dirty);
    }

    /** Closes the log and starts it again. */
    @Benchmark
    public void disarmAndArm() throws IOException {
        log.close();
        log = PagemapDirtyLog.start(ram);
    }

    /** Collects, and writes the pages again, each for the first time since. */
    @Benchmark
    public long collectAndWrite() throws IOException {
        long pages = log.collect(dirty);
        writePages();
        return pages;
    }

    private void writePages() {
        if (dirtyPercentage > 0) {
            long step = 100 / dirtyPercentage;
            for (long page = 0; page < PAGES; page += step) {
                NativeMemory.store(ram.memory().hostAddress(0, page * 4096), page);
            }
        }
    }
}
