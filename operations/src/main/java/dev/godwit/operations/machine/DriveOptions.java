package dev.godwit.operations.machine;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QmpAddress;
import java.util.Set;

/**
 * What migration to drive.
 *
 * @param qmp the control socket of the source
 * @param uri where to, in QEMU's notation; the source connects to it, not this program
 * @param capabilities that are to be on at the source, {@code events} apart, which always is; all others are off
 * @param parameters of the source, by QEMU's names; the others stay as they are
 */
public record DriveOptions(QmpAddress qmp, String uri, Set<String> capabilities, JsonObject parameters) {

    /** Copies the set. */
    public DriveOptions {
        capabilities = Set.copyOf(capabilities);
    }
}
