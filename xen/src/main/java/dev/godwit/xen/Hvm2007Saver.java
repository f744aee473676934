package dev.godwit.xen;

import dev.godwit.engine.precopy.LapView;
import dev.godwit.engine.precopy.PermutedScan;
import dev.godwit.engine.precopy.RoundsStop;
import dev.godwit.engine.precopy.StopRule;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Saves a domain as Xen did in April 2007, to the byte (Xen migration specification section 1): frames in permuted
 * order and batches of 1024, those left out that the log says are dirty again, until the engine's {@link RoundsStop}
 * ends it.
 *
 * <p>Works on the thread that calls {@link #save}, once.
 */
public final class Hvm2007Saver {

    private static final int POLLS = 100;
    private static final int PAUSED_POLLS = 10_000;
    private static final long POLL_MS = 10;
    private static final long LEAST_PERMUTED_FRAMES = 513; // fewer, and C does not say what the order is

    private final Hvm2007Domain domain;
    private final Hvm2007Settings settings;
    private final Hvm2007Visitor target;
    private final Consumer<SaveRound> rounds;
    private final long[] batch = new long[Hvm2007Reader.MAX_BATCH];
    private final MemorySegment pages = MemorySegment.ofArray(new byte[Hvm2007Reader.MAX_BATCH * Page.SIZE_BYTES]);

    /**
     * A saver of one domain.
     *
     * @param domain what to save
     * @param settings how
     * @param target hears the stream; a {@link Hvm2007Writer} with the same words makes bytes of it
     * @param rounds hears of each iteration when it is over
     */
    public Hvm2007Saver(
            Hvm2007Domain domain, Hvm2007Settings settings, Hvm2007Visitor target, Consumer<SaveRound> rounds) {
        this.domain = domain;
        this.settings = settings;
        this.target = target;
        this.rounds = rounds;
    }

    /**
     * Saves the domain, which is suspended afterwards. The dirty log is off again, whatever happens.
     *
     * @throws IOException if the domain, the target or the suspension fails; the stream is cut off, and the domain may
     *     be suspended: whoever called lets it go on
     */
    public void save() throws IOException {
        SpecialFrames specials = domain.specialFrames();
        if (!settings.live()) {
            suspend();
            FrameSpace space = space(false);
            new Pass(space, specials, null).run();
            return;
        }
        FrameSpace space = space(!settings.stdVga());
        domain.enableDirtyLog(space);
        IOException failure = null;
        try {
            DeviceDirtyMaps maps = settings.strict2007()
                    ? DeviceDirtyMaps.withSizeMarker(space, settings.words())
                    : new DeviceDirtyMaps(space);
            domain.shareWithDeviceModel(maps);
            new Pass(space, specials, maps).run();
        } catch (IOException e) {
            failure = e;
            throw e;
        } finally {
            endLog(failure);
        }
    }

    private void endLog(@Nullable IOException failure) throws IOException {
        try {
            domain.disableDirtyLog();
        } catch (IOException e) {
            if (failure == null) {
                throw e;
            }
            failure.addSuppressed(e);
        }
    }

    private FrameSpace space(boolean framebufferApart) throws IOException {
        long domainPages = domain.pages();
        if (!FrameSpace.fits(domainPages, framebufferApart)) {
            throw new IOException("a domain of %d pages has no memory behind the VGA hole".formatted(domainPages));
        }
        FrameSpace space = FrameSpace.of(domainPages, framebufferApart);
        if (space.frames() > FrameSpace.MOST_FRAMES) {
            throw new IOException("a domain of %d pages does not fit into the format of 2007: frames from 2^28 on"
                    .formatted(domainPages));
        }
        return space;
    }

    private void suspend() throws IOException {
        domain.suspend();
        int polls = 0;
        int pausedPolls = 0;
        while (true) {
            switch (domain.state()) {
                case SUSPENDED -> {
                    return;
                }
                case GONE -> throw new IOException("the domain is gone: it did not suspend");
                case PAUSED -> {
                    if (++pausedPolls == PAUSED_POLLS) {
                        throw new IOException("the domain is paused again and again: it did not suspend");
                    }
                    domain.unpause();
                }
                case RUNNING -> {
                    if (++polls == POLLS) {
                        throw new IOException("the domain did not suspend within %d polls".formatted(POLLS));
                    }
                }
            }
            sleep();
        }
    }

    private static void sleep() throws IOException {
        try {
            Thread.sleep(POLL_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the domain suspends", e);
        }
    }

    /** The iterations over the frames, and what comes after them. */
    private final class Pass {

        private final FrameSpace space;
        private final SpecialFrames specials;
        private final @Nullable DeviceDirtyMaps maps;
        private final PermutedScan scan;
        private final PageBitmap toSend;
        private final PageBitmap toSkip;
        private boolean last;
        private int iteration;
        private long position;
        private long skipped;
        private long total;

        Pass(FrameSpace space, SpecialFrames specials, @Nullable DeviceDirtyMaps maps) {
            this.space = space;
            this.specials = specials;
            this.maps = maps;
            this.last = maps == null;
            long frames = space.frames();
            scan = new PermutedScan(new RamLayout(List.of(new RamBlock("frames", frames * Page.SIZE_BYTES))));
            toSend = new PageBitmap(frames);
            toSkip = new PageBitmap(frames);
            toSend.setAll();
        }

        void run() throws IOException {
            target.maxPfn(space.maxPfn());
            StopRule stop = new RoundsStop(settings.maxIterations(), settings.maxFactor());
            while (!last) {
                SaveRound round = iterate();
                if (stop.decide(view(round)) == StopRule.Decision.SWITCH_OVER) {
                    last = true;
                    suspend();
                }
                refill();
            }
            iterate();
            if (settings.debug()) {
                toSend.setAll();
                target.verify();
                iterate();
            }
            writeState();
        }

        /** The log first, then the device model's map: both say what has been written since the last time. */
        private void refill() throws IOException {
            domain.cleanDirtyLog(toSend);
            if (maps != null) {
                maps.take(toSend, last);
            }
        }

        private LapView view(SaveRound round) {
            return new LapView(
                    0, false, 0, 0, true, iteration, round.sent(), round.skipped(), total, space.frames(), true);
        }

        private SaveRound iterate() throws IOException {
            iteration++;
            position = 0;
            skipped = 0;
            long sent = 0;
            while (position < space.frames()) {
                if (!last) {
                    domain.peekDirtyLog(toSkip);
                }
                int entries = fillBatch();
                if (entries == 0) {
                    break;
                }
                sendBatch(entries);
                sent += entries;
            }
            total += sent;
            SaveRound round = new SaveRound(iteration, sent, skipped, total, last);
            rounds.accept(round);
            return round;
        }

        private int fillBatch() {
            int entries = 0;
            while (entries < batch.length && position < space.frames()) {
                long frame = frameAt(position++);
                if (!toSend.get(frame)) {
                    continue;
                }
                if (!last && toSkip.get(frame)) {
                    skipped++;
                } else if (!space.isHole(frame) && !specials.contains(frame)) {
                    batch[entries++] = frame;
                }
            }
            return entries;
        }

        private long frameAt(long at) {
            return settings.strict2007() && space.frames() < LEAST_PERMUTED_FRAMES ? 0 : scan.pageAt(at);
        }

        private void sendBatch(int entries) throws IOException {
            for (int i = 0; i < entries; i++) {
                if (!domain.read(batch[i], pageOf(i))) {
                    batch[i] |= Hvm2007Visitor.NO_CONTENT;
                }
            }
            target.batch(Arrays.copyOf(batch, entries));
            for (int i = 0; i < entries; i++) {
                if ((batch[i] & Hvm2007Visitor.NO_CONTENT) == 0) {
                    target.page(batch[i], pageOf(i).asReadOnly());
                }
            }
        }

        private MemorySegment pageOf(int entry) {
            return pages.asSlice((long) entry * Page.SIZE_BYTES, Page.SIZE_BYTES);
        }

        private void writeState() throws IOException {
            List<MemorySegment> contexts = domain.vcpuContexts();
            target.vcpus(contexts.size());
            for (MemorySegment context : contexts) {
                target.vcpu(context);
            }
            target.hvmContext(domain.hvmContext());
        }
    }
}
