package dev.godwit.operations.machine;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QmpAddress;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What migration to drive.
 *
 * @param qmp the control socket of the source
 * @param uri where to, in QEMU's notation; the source connects to it, not this program
 * @param capabilities that are to be on at the source, {@code events} apart, which always is; all others are off
 * @param parameters of the source, by QEMU's names; the others stay as they are
 * @param postcopyAfterPasses after how many passes the guest goes first, 0 for at once, unless it has gone by then;
 *     empty for not at all. Needs the capability {@code postcopy-ram}
 * @param resume whether a postcopy that lost its connection is to go on; capabilities stay as they are then
 */
public record DriveOptions(
        QmpAddress qmp,
        String uri,
        Set<String> capabilities,
        JsonObject parameters,
        OptionalInt postcopyAfterPasses,
        boolean resume) {

    /** Copies the set. */
    public DriveOptions {
        capabilities = Set.copyOf(capabilities);
    }
}
