package dev.godwit.operations;

import dev.godwit.qmp.QmpAddress;
import java.nio.file.Path;

/**
 * What snapshot to take.
 *
 * @param file the snapshot's name; what is there already is replaced when the new one is whole
 * @param qmp the control socket of the QEMU
 * @param mode how
 * @param after what becomes of the guest then
 * @param maxBandwidthBytesPerSecond the limit of {@link SnapshotMode#LIVE} and {@link SnapshotMode#STOP}, 0 for none;
 *     QEMU has none for {@link SnapshotMode#BACKGROUND}
 */
public record TakeSnapshotOptions(
        Path file, QmpAddress qmp, SnapshotMode mode, AfterSnapshot after, long maxBandwidthBytesPerSecond) {

    /**
     * Checks that the choices go together.
     *
     * @throws IllegalArgumentException if they do not; the message says which
     */
    public TakeSnapshotOptions {
        if (maxBandwidthBytesPerSecond < 0) {
            throw new IllegalArgumentException("a bandwidth is not negative: " + maxBandwidthBytesPerSecond);
        }
        if (mode != SnapshotMode.LIVE && maxBandwidthBytesPerSecond != 0) {
            throw new IllegalArgumentException("QEMU applies no bandwidth limit in the mode " + mode.optionName()
                    + "; use the mode live with one");
        }
        if (mode == SnapshotMode.BACKGROUND && after != AfterSnapshot.RESUME) {
            throw new IllegalArgumentException("a background snapshot is that of its start, and the guest runs on;"
                    + " to keep it at the instant of the snapshot use the mode live or stop");
        }
    }
}
