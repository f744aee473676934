package dev.godwit.snapshot;

/**
 * How a snapshot is written.
 *
 * @param directIo whether long runs of pages are written past the page cache, where the file system can: at a fraction
 *     of the processor time, and so that the sync at the end, for which the source waits, finds little left to do
 */
public record SnapshotOptions(boolean directIo) {

    /** Long runs past the page cache. */
    public static final SnapshotOptions DEFAULT = new SnapshotOptions(true);
}
