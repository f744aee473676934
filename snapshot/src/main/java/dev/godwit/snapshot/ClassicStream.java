package dev.godwit.snapshot;

import dev.godwit.engine.Progress;
import dev.godwit.linux.FileStatus;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.IncomingMigration;
import dev.godwit.qemu.VmState;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Opens a classic migration stream in a file: its pages come in any order, so that they are laid out first, in a file
 * without a name that is gone when this process ends in whatever way.
 */
final class ClassicStream {

    private ClassicStream() {}

    static Snapshot open(Path path, SnapshotFile stream, FileStatus status, long startBytes, Progress progress)
            throws IOException {
        try (SnapshotWriter writer = LaidOut.beside(path)) {
            VmState state = IncomingMigration.from(
                            new ByteInput(LaidOut.channel(stream, startBytes, _ -> {}), startBytes))
                    .progress(progress)
                    .into(writer);
            return LaidOut.snapshot(
                    path, Snapshot.Kind.QEMU_STREAM, writer, status, state, LaidOut.StreamReading.NOTHING);
        }
    }
}
