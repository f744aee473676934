/**
 * The snapshot file: a mapped-ram file with a trailer that proves it whole; written, opened, verified, compared. And
 * the door to other formats: whatever holds a guest is opened as a snapshot.
 */
@org.jspecify.annotations.NullMarked
module dev.godwit.snapshot {
    requires static org.jspecify;
    requires transitive dev.godwit.qemu;
    requires transitive dev.godwit.xen;
    requires dev.godwit.linux;

    exports dev.godwit.snapshot.export;
    exports dev.godwit.snapshot;
}
