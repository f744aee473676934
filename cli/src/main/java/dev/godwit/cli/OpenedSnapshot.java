package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The options that say how a snapshot file is read; used as a mixin. */
final class OpenedSnapshot {

    @Option(
            names = "--offset",
            paramLabel = "SIZE",
            description = "Where the stream starts in the file (QEMU's file:PATH,offset=N); 0 by default.")
    private ByteCount offset = new ByteCount(0);

    long startBytes() {
        return offset.bytes();
    }

    Snapshot open(Path path, Progress progress) throws IOException {
        return Snapshot.open(path, offset.bytes(), progress);
    }
}
