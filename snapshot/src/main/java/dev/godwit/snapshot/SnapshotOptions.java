package dev.godwit.snapshot;

/**
 * How a snapshot is written.
 *
 * @param directIo whether long runs of pages are written past the page cache, where the file system can
 */
public record SnapshotOptions(boolean directIo) {

    /** Through the page cache. */
    public static final SnapshotOptions DEFAULT = new SnapshotOptions(false);
}
