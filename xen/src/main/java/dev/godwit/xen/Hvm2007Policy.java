package dev.godwit.xen;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.precopy.DirtyPages;
import dev.godwit.engine.precopy.LapView;
import dev.godwit.engine.precopy.PeekSkip;
import dev.godwit.engine.precopy.PrecopyPolicy;
import dev.godwit.engine.precopy.RoundsStop;
import dev.godwit.engine.precopy.SkipRule;
import dev.godwit.engine.precopy.StopRule;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.util.OptionalLong;

/**
 * The rules of the saver of 2007 over the frames of a machine: order, skipping, the device model's dirty maps, and when
 * to stop (Xen migration specification sections 1.3 to 1.12), as the engine's policy.
 */
public final class Hvm2007Policy {

    /** With as many frames or fewer, C does not say what the order is, and what the compiler made of it was frame 0. */
    private static final long MOST_UNORDERED_FRAMES = 512;

    private final FrameMap map;
    private final FrameSpace space;
    private final FrameScan scan;
    private final DeviceDirtyMaps deviceMaps;
    private final PrecopyPolicy rules;

    /**
     * The rules for a machine.
     *
     * @param frames the machine's; the three special ones are not sent, though it has them
     * @param layout of its RAM
     * @param settings numbers, and whether the size of a device map is taken for frames, as in 2007
     * @throws IOException if the machine's memory is not laid out as the restorer of 2007 knows it
     */
    public Hvm2007Policy(FrameMap frames, RamLayout layout, Hvm2007Settings settings) throws IOException {
        this.space = space(frames);
        if (settings.strict2007() && space.frames() <= MOST_UNORDERED_FRAMES) {
            throw new IOException("the saver of 2007 wrote frame 0 in place of all others of a guest of at most %d"
                            .formatted(MOST_UNORDERED_FRAMES)
                    + " frames; a guest in use is not to be lost that way");
        }
        this.map = frames.withoutSpecialFrames(space.specialFrames());
        this.scan = new FrameScan(map, space.frames(), layout);
        this.deviceMaps = settings.strict2007()
                ? DeviceDirtyMaps.withSizeMarker(space, settings.words())
                : new DeviceDirtyMaps(space);
        this.rules = new PrecopyPolicy(
                scan,
                new Skip(new PeekSkip(layout), layout),
                new Stop(new RoundsStop(settings.maxIterations(), settings.maxFactor())),
                true);
    }

    /** {@return the space whose every frame outside the holes the machine has} */
    private static FrameSpace space(FrameMap frames) throws IOException {
        FrameSpace space;
        try {
            space = new FrameSpace(frames.frames() - 1);
        } catch (IllegalArgumentException e) {
            throw new IOException("the guest has no memory behind the VGA hole, as the stream of 2007 needs it", e);
        }
        if (space.frames() > FrameSpace.MOST_FRAMES) {
            throw new IOException(
                    "the stream of 2007 has frames below 2^28, and the guest has %d".formatted(space.frames()));
        }
        for (long frame = 0; frame < space.frames(); frame++) {
            if (!space.isHole(frame) && frames.block(frame) < 0) {
                throw new IOException(("the guest has no memory at frame 0x%x: the stream of 2007 has it without a gap"
                                + " up to 0xf0000000, and from 4 GiB on")
                        .formatted(frame));
            }
        }
        return space;
    }

    /** {@return the frames, holes included} */
    public FrameSpace space() {
        return space;
    }

    /** {@return the frames that are sent} */
    public FrameMap map() {
        return map;
    }

    /** {@return the maps in which a device model that writes past the dirty log marks what it writes} */
    public DeviceDirtyMaps deviceMaps() {
        return deviceMaps;
    }

    /** {@return the rules, for one migration} */
    public PrecopyPolicy rules() {
        return rules;
    }

    long frameAt(long position) {
        return scan.frameAt(position);
    }

    /** Skips what was written again, and adds what the device model wrote when the log is read. */
    private final class Skip implements SkipRule {

        private final PeekSkip again;
        private final RamLayout layout;
        private boolean begun;

        Skip(PeekSkip again, RamLayout layout) {
            this.again = again;
            this.layout = layout;
        }

        @Override
        public void look(DirtyLog log) throws IOException {
            again.look(log);
        }

        @Override
        public boolean skips(int blockIndex, long page) {
            return again.skips(blockIndex, page);
        }

        /** The first reading comes before everything is sent, when nothing can be missed yet. */
        @Override
        public void giveBack(DirtyPages dirty) {
            again.giveBack(dirty);
            if (!begun) {
                begun = true;
                return;
            }
            PageBitmap frames = new PageBitmap(space.frames());
            deviceMaps.take(frames, false);
            DirtyPages written = DirtyPages.none(layout);
            for (long frame = frames.nextSet(0); frame >= 0; frame = frames.nextSet(frame + 1)) {
                int block = map.block(frame);
                if (block >= 0) {
                    written.block(block).set(map.page(frame));
                }
            }
            dirty.add(written);
        }
    }

    /** Xen's rule, which reckons with all frame numbers, holes included. */
    private final class Stop implements StopRule {

        private final RoundsStop rule;

        Stop(RoundsStop rule) {
            this.rule = rule;
        }

        @Override
        public Decision decide(LapView view) {
            return rule.decide(new LapView(
                    view.dirtyBytes(),
                    view.exact(),
                    view.dirtyBytesAtSync(),
                    view.dirtyPagesRate(),
                    view.roundOver(),
                    view.rounds(),
                    view.sentPages(),
                    view.skippedPages(),
                    view.sentPagesInAll(),
                    space.frames(),
                    view.canSwitchOver()));
        }

        @Override
        public void windowEnded(long bytes, long ms, LapView view, MigrationParameters parameters) {
            rule.windowEnded(bytes, ms, view, parameters);
        }

        @Override
        public OptionalLong expectedDowntimeMs() {
            return rule.expectedDowntimeMs();
        }
    }
}
