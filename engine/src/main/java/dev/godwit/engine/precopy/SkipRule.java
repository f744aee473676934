package dev.godwit.engine.precopy;

import dev.godwit.engine.machine.DirtyLog;
import java.io.IOException;

/** Which dirty pages are not worth sending now: a policy. Owned by the lap's thread. */
public interface SkipRule {

    /** QEMU's: none. */
    SkipRule NONE = new SkipRule() {
        @Override
        public void look(DirtyLog log) {}

        @Override
        public boolean skips(int blockIndex, long page) {
            return false;
        }

        @Override
        public void giveBack(DirtyPages dirty) {}
    };

    /** May look at what the guest has written since; called before the first page of each batch of 1024. */
    void look(DirtyLog log) throws IOException;

    /** {@return whether a dirty page is left for later} */
    boolean skips(int blockIndex, long page);

    /** The log has just been read: adds what {@link #look} has taken out of it since the last time. */
    void giveBack(DirtyPages dirty);
}
