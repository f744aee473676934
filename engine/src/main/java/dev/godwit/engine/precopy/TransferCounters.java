package dev.godwit.engine.precopy;

import java.util.Optional;

/**
 * What an {@link OutgoingStream} has sent.
 *
 * @param bytes over all channels
 * @param multifdBytes of them over multifd channels
 * @param normalPages with content, differences included
 * @param zeroPages without
 * @param xbzrle differences, where they are on
 */
public record TransferCounters(
        long bytes, long multifdBytes, long normalPages, long zeroPages, Optional<XbzrleCounters> xbzrle) {

    /** Nothing. */
    public static final TransferCounters NONE = new TransferCounters(0, 0, 0, 0, Optional.empty());

    /**
     * Pages sent as differences.
     *
     * @param cacheBytes the cache's size
     * @param bytes of differences
     * @param pages sent as differences; those that turned out equal included
     * @param cacheMiss pages that were not in the cache
     * @param overflow pages whose difference was longer than the page
     */
    public record XbzrleCounters(long cacheBytes, long bytes, long pages, long cacheMiss, long overflow) {}
}
