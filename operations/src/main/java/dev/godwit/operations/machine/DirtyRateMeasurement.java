package dev.godwit.operations.machine;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.DirtyRateReport;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import java.io.Closeable;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Measures how fast a guest dirties its RAM ({@code calc-dirty-rate}), by its dirty log or by looking at a sample of
 * its pages twice. {@link #begin} is called by one thread; a thread of its own measures.
 */
final class DirtyRateMeasurement implements Closeable {

    private static final String PAGE_SAMPLING = "page-sampling";
    private static final String DIRTY_BITMAP = "dirty-bitmap";
    private static final long DEFAULT_SAMPLE_PAGES = 512;
    private static final long MEBIBYTE = 1 << 20;

    private final Machine machine;
    private volatile DirtyRateReport report =
            new DirtyRateReport("unstarted", OptionalLong.empty(), 0, 0, PAGE_SAMPLING, 0);
    private @Nullable Thread thread;

    DirtyRateMeasurement(Machine machine) {
        this.machine = machine;
    }

    DirtyRateReport report() {
        return report;
    }

    /** {@return whether it has the machine's dirty log in use} */
    boolean usesDirtyLog() {
        return report.status().equals("measuring") && report.mode().equals(DIRTY_BITMAP);
    }

    /**
     * Begins to measure.
     *
     * @throws ControlException if it measures already, or the arguments are out of range
     */
    void begin(long calcTimeMs, Optional<String> mode, OptionalLong samplePages) throws ControlException {
        if (calcTimeMs < 50 || calcTimeMs > 60_000) {
            throw new ControlException("Calculation time is out of range [50ms, 60000ms].");
        }
        String how = mode.orElse(PAGE_SAMPLING);
        if (!how.equals(PAGE_SAMPLING) && samplePages.isPresent()) {
            throw new ControlException("sample-pages is used only in page-sampling mode");
        }
        long sample = samplePages.orElse(DEFAULT_SAMPLE_PAGES);
        if (sample < 128 || sample > 16_384) {
            throw new ControlException("sample-pages is out of range[128, 16384].");
        }
        if (!how.equals(PAGE_SAMPLING) && !how.equals(DIRTY_BITMAP)) {
            throw new ControlException("mode " + how + " is not enabled, use other method instead.");
        }
        if (report.status().equals("measuring")) {
            throw new ControlException("the dirty rate is being measured already");
        }
        DirtyRateReport begun = new DirtyRateReport(
                "measuring",
                OptionalLong.empty(),
                System.currentTimeMillis() / 1000,
                calcTimeMs,
                how,
                how.equals(PAGE_SAMPLING) ? sample : 0);
        report = begun;
        thread = Thread.ofPlatform().name("dirty-rate").daemon(true).start(() -> measure(begun));
    }

    private void measure(DirtyRateReport begun) {
        OptionalLong rate = OptionalLong.empty();
        try {
            double dirtyBytesPerSecond = begun.mode().equals(PAGE_SAMPLING) ? bySampling(begun) : byLog(begun);
            rate = OptionalLong.of(Math.round(dirtyBytesPerSecond / MEBIBYTE));
        } catch (IOException e) {
            System.getLogger("dev.godwit.operations").log(Level.ERROR, "The dirty rate cannot be measured", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        report = new DirtyRateReport(
                rate.isPresent() ? "measured" : "unstarted",
                rate,
                begun.startTimeSeconds(),
                begun.calcTimeMs(),
                begun.mode(),
                begun.samplePages());
    }

    private double byLog(DirtyRateReport begun) throws IOException, InterruptedException {
        List<PageBitmap> dirty = new ArrayList<>();
        for (RamBlock block : machine.memory().layout().blocks()) {
            dirty.add(new PageBitmap(block.pages()));
        }
        try (DirtyLog log = machine.startDirtyLog(machine.dirtyLogMethods().getFirst())) {
            long startNs = System.nanoTime();
            Thread.sleep(Duration.ofMillis(begun.calcTimeMs()));
            log.collect(dirty);
            long pages = dirty.stream().mapToLong(PageBitmap::setPages).sum();
            return pages * Page.SIZE_BYTES * 1e9 / (System.nanoTime() - startNs);
        }
    }

    private double bySampling(DirtyRateReport begun) throws InterruptedException {
        PageSample sample = new PageSample(machine.memory(), begun.samplePages(), new Random(begun.startTimeSeconds()));
        long startNs = System.nanoTime();
        Thread.sleep(Duration.ofMillis(begun.calcTimeMs()));
        return sample.changedBytes() * 1e9 / (System.nanoTime() - startNs);
    }

    /** Ends it, and waits until it no longer looks at the machine. */
    @Override
    public void close() {
        Thread measuring = thread;
        if (measuring == null) {
            return;
        }
        measuring.interrupt();
        try {
            measuring.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
