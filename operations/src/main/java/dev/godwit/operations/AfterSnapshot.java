package dev.godwit.operations;

/** What becomes of the guest once its snapshot is whole. */
public enum AfterSnapshot {
    /** It is as it was: running if it ran, paused if it was paused. */
    RESUME,
    /** It stays stopped at the instant of the snapshot, in its QEMU. */
    STAY,
    /** Its QEMU is told to quit; the snapshot is all there is. */
    QUIT
}
