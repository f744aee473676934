package dev.godwit.engine;

import java.util.function.Supplier;

/**
 * Hears how long work goes on. Called from the threads that do the work, several at once: implementations must be
 * thread-safe and quick.
 */
public interface Progress {

    /** A listener that hears nothing. */
    Progress NONE = new Progress() {
        @Override
        public void phase(String name, long totalBytes) {}

        @Override
        public void advance(long bytes) {}
    };

    /**
     * A new phase of the work begins.
     *
     * @param name a verb phrase for people, for example {@code receiving RAM}
     * @param totalBytes how much there is to do, or -1 where nobody knows
     */
    void phase(String name, long totalBytes);

    /**
     * More of the current phase is done.
     *
     * @param bytes how much, since the last call
     */
    void advance(long bytes);

    /**
     * Names what is worth knowing about the current phase beside its bytes; asked whenever it is shown, until the next
     * phase begins.
     *
     * @param phrase for people, short; called from any thread
     */
    default void detail(Supplier<String> phrase) {}
}
