package dev.godwit.bench;

import dev.godwit.ram.Page;
import dev.godwit.ram.ZeroPages;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
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

/** What every received page pays: is it zero, and what is its hash. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class PageBenchmark {

    /** What the page holds. */
    public enum Content {
        /** Only zeros. */
        ZERO,
        /** Random bytes. */
        RANDOM,
        /** Zeros, and the last byte. */
        LAST_BYTE
    }

    /** What the page holds. */
    @Param
    public Content content = Content.ZERO;

    private final MemorySegment page = Arena.ofAuto().allocate(Page.SIZE_BYTES, Page.SIZE_BYTES);
    private final ByteBuffer bytes = page.asByteBuffer();
    private final CRC32C crc = new CRC32C();

    /** Fills the page. */
    @Setup
    public void fill() {
        switch (content) {
            case ZERO -> page.fill((byte) 0);
            case RANDOM -> {
                byte[] random = new byte[Page.SIZE_BYTES];
                new SplittableRandom(25).nextBytes(random);
                page.copyFrom(MemorySegment.ofArray(random));
            }
            case LAST_BYTE -> page.fill((byte) 0).set(ValueLayout.JAVA_BYTE, Page.SIZE_BYTES - 1, (byte) 1);
        }
    }

    /** {@return whether the page is zero} */
    @Benchmark
    public boolean isZero() {
        return ZeroPages.isZero(page, 0);
    }

    /** {@return the page's hash} */
    @Benchmark
    public long crc32c() {
        crc.reset();
        crc.update(bytes.clear());
        return crc.getValue();
    }
}
