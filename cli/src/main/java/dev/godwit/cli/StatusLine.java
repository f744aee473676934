package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.linux.Terminal;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Shows how long work goes on, on standard error: on a terminal one line that is redrawn, elsewhere a line every few
 * seconds. The threads that do the work draw it; whichever comes when it is time does, and the others pass by.
 */
final class StatusLine implements Progress, AutoCloseable {

    private static final long TERMINAL_INTERVAL_NS = 200_000_000L;
    private static final long PLAIN_INTERVAL_NS = 5_000_000_000L;
    private static final String ERASE_TO_END = "\u001b[K";

    private enum Form {
        SILENT,
        PLAIN,
        TERMINAL
    }

    private final PrintWriter target;
    private final Form form;
    private final LongSupplier clockNs;
    private final LongAdder doneBytes = new LongAdder();
    private final AtomicLong nextNs = new AtomicLong();
    private volatile Phase phase;
    private volatile Supplier<String> detail = () -> "";
    private volatile boolean cancelled;
    private Interruption.Registration registration = () -> {};
    private boolean lineOpen;

    private record Phase(String name, long totalBytes, long startNs) {}

    private StatusLine(PrintWriter target, Form form, LongSupplier clockNs) {
        this.target = target;
        this.form = form;
        this.clockNs = clockNs;
        this.phase = new Phase("", -1, clockNs.getAsLong());
    }

    static StatusLine on(PrintWriter target) {
        Form form = Terminal.isTerminal(Terminal.STANDARD_ERROR) ? Form.TERMINAL : Form.PLAIN;
        return new StatusLine(target, form, System::nanoTime);
    }

    static StatusLine silent() {
        return new StatusLine(new PrintWriter(PrintWriter.nullWriter()), Form.SILENT, System::nanoTime);
    }

    /**
     * {@return this line, which from now on ends the work on Ctrl-C by a {@link CancellationException} from
     * {@link #advance}} For work that only reads or writes files that nobody sees yet: everything on the way out is
     * closed, and that undoes it.
     */
    StatusLine cancelledBy(Interruption interruption) {
        registration = interruption.register(() -> cancelled = true);
        return this;
    }

    /** A line for tests, which move the clock. */
    static StatusLine on(PrintWriter target, boolean terminal, LongSupplier clockNs) {
        return new StatusLine(target, terminal ? Form.TERMINAL : Form.PLAIN, clockNs);
    }

    @Override
    public synchronized void phase(String name, long totalBytes) {
        finish();
        doneBytes.reset();
        long nowNs = clockNs.getAsLong();
        phase = new Phase(name, totalBytes, nowNs);
        detail = () -> "";
        nextNs.set(nowNs + intervalNs());
        if (form == Form.TERMINAL) {
            draw(nowNs);
        }
    }

    @Override
    public void detail(Supplier<String> phrase) {
        detail = phrase;
    }

    @Override
    public void advance(long bytes) {
        if (cancelled) {
            throw new CancellationException("ended by the user");
        }
        doneBytes.add(bytes);
        if (form == Form.SILENT) {
            return;
        }
        long nowNs = clockNs.getAsLong();
        long dueNs = nextNs.get();
        if (nowNs - dueNs >= 0 && nextNs.compareAndSet(dueNs, nowNs + intervalNs())) {
            draw(nowNs);
        }
    }

    /** Prints a line that stays, above the one that is redrawn. */
    synchronized void note(String line) {
        if (form == Form.SILENT) {
            return;
        }
        if (lineOpen) {
            target.print("\r" + ERASE_TO_END);
            lineOpen = false;
        }
        target.println(line);
        target.flush();
    }

    /** Ends the line, so that what is printed next starts on one of its own. */
    synchronized void end() {
        finish();
        phase = new Phase("", -1, clockNs.getAsLong());
    }

    @Override
    public void close() {
        registration.close();
        end();
    }

    private void finish() {
        if (form == Form.SILENT || phase.name().isEmpty()) {
            return;
        }
        // Elsewhere than on a terminal, a phase that was over before its first line was due is not worth one.
        long nowNs = clockNs.getAsLong();
        if (form == Form.TERMINAL || nowNs - phase.startNs() >= PLAIN_INTERVAL_NS) {
            draw(nowNs);
        }
        if (lineOpen) {
            target.println();
            lineOpen = false;
        }
        target.flush();
    }

    private synchronized void draw(long nowNs) {
        String more = detail.get();
        String line = describe(phase, doneBytes.sum(), nowNs - phase.startNs()) + (more.isEmpty() ? "" : ", " + more);
        if (form == Form.TERMINAL) {
            target.print("\r" + line + ERASE_TO_END);
            lineOpen = true;
        } else {
            target.println(line);
        }
        target.flush();
    }

    private static String describe(Phase phase, long bytes, long elapsedNs) {
        StringBuilder line = new StringBuilder(phase.name()).append(": ").append(ByteSize.format(bytes));
        long total = phase.totalBytes();
        if (total > 0) {
            line.append(" of ").append(ByteSize.format(total));
            line.append(", ")
                    .append(Math.min(100, (long) (100.0 * bytes / total)))
                    .append(" %");
        }
        double seconds = elapsedNs / 1e9;
        if (seconds >= 0.001 && bytes > 0) {
            double bytesPerSecond = bytes / seconds;
            line.append(", ").append(ByteSize.format((long) bytesPerSecond)).append("/s");
            if (total > bytes) {
                line.append(", ")
                        .append(duration((long) ((total - bytes) / bytesPerSecond)))
                        .append(" left");
            }
        }
        return line.toString();
    }

    private static String duration(long seconds) {
        return seconds < 60
                ? seconds + " s"
                : seconds < 3600
                        ? seconds / 60 + " min " + seconds % 60 + " s"
                        : seconds / 3600 + " h " + seconds % 3600 / 60 + " min";
    }

    private long intervalNs() {
        return form == Form.TERMINAL ? TERMINAL_INTERVAL_NS : PLAIN_INTERVAL_NS;
    }
}
