package dev.godwit.operations;

/** How a snapshot of a running QEMU is taken. */
public enum SnapshotMode {
    /**
     * The guest stops for the milliseconds in which its devices are saved, and runs on while its write-protected memory
     * is copied: the snapshot is that of the start. Needs userfaultfd for QEMU's user.
     */
    BACKGROUND,
    /**
     * Precopy: the guest runs while its memory is copied in rounds, and stops for the last one: the snapshot is that of
     * the end. Works everywhere; a guest that writes faster than it is copied never gets there.
     */
    LIVE,
    /**
     * The guest is stopped while its memory is copied, which therefore is copied once. It is precopy with the longest
     * downtime limit, and not the command {@code stop}: QEMU then records that the guest was running, and lets it run
     * on if Godwit dies.
     */
    STOP;

    /** {@return the mode as the command line names it} */
    public String optionName() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
