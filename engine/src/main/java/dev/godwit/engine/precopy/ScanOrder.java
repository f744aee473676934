package dev.godwit.engine.precopy;

/** In which order dirty pages are looked for: a policy. Owned by the lap's thread. */
public interface ScanOrder {

    /**
     * Finds the next dirty pages; it is for the caller to clear their bits.
     *
     * @param found is filled, if there are any
     * @param mostPages how many at once, at least 1; the rest of a host page may come with them
     * @return false where the order has come to its end without: a round is over, and the next call begins another
     */
    boolean next(DirtyPages dirty, PageRun found, int mostPages);

    /** Begins a round at its start. */
    void restart();
}
