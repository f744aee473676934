package dev.godwit.engine.migration;

import java.util.Locale;
import java.util.Optional;

/**
 * What can be switched on for a migration, in QEMU's words and order (qemu-migration specification section 7.1). Every
 * capability of QEMU is known by name, so that one that Godwit has not is refused by name.
 */
public enum MigrationCapability {
    /** Pages as differences to what was sent before. */
    XBZRLE,
    /** RDMA; not supported. */
    RDMA_PIN_ALL,
    /** Slow the guest down when it dirties memory faster than it is sent. */
    AUTO_CONVERGE,
    /** Has no effect, as in QEMU. */
    ZERO_BLOCKS,
    /** MIGRATION and MIGRATION_PASS events. */
    EVENTS,
    /** The guest may move first and its RAM follow. */
    POSTCOPY_RAM,
    /** COLO; not supported. */
    X_COLO,
    /** The source frees pages that it has sent in postcopy. */
    RELEASE_RAM,
    /** The destination answers. */
    RETURN_PATH,
    /** Wait in {@code pre-switchover} for {@code migrate-continue}. */
    PAUSE_BEFORE_SWITCHOVER,
    /** Pages travel on connections of their own. */
    MULTIFD,
    /** Dirty bitmaps of block devices; our machines have none. */
    DIRTY_BITMAPS,
    /** Measure how long vCPUs wait for pages. */
    POSTCOPY_BLOCKTIME,
    /** Has no effect, as in QEMU. */
    LATE_BLOCK_ACTIVATE,
    /** RAM in shared files is not sent. */
    X_IGNORE_SHARED,
    /** The destination must be the same guest. */
    VALIDATE_UUID,
    /** Write-protect snapshot: the state of the start, while the guest runs on. */
    BACKGROUND_SNAPSHOT,
    /** MSG_ZEROCOPY; not supported. */
    ZERO_COPY_SEND,
    /** Requested pages travel on a connection of their own. */
    POSTCOPY_PREEMPT,
    /** The destination says when it is ready for the switchover. */
    SWITCHOVER_ACK,
    /** Dirty-rate quota a vCPU; not supported. */
    DIRTY_LIMIT,
    /** Pages at fixed places of a file. */
    MAPPED_RAM;

    /** {@return QEMU's word, for example {@code pause-before-switchover}} */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** {@return the capability of this name} */
    public static Optional<MigrationCapability> of(String word) {
        for (MigrationCapability capability : values()) {
            if (capability.word().equals(word)) {
                return Optional.of(capability);
            }
        }
        return Optional.empty();
    }
}
