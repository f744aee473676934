package dev.godwit.cli;

import dev.godwit.engine.Progress;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.StatedFormat;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how a snapshot file is read; used as a mixin. */
final class OpenedSnapshot {

    @Option(
            names = "--offset",
            paramLabel = "SIZE",
            description = "Where the stream starts in the file (QEMU's file:PATH,offset=N); 0 by default.")
    private ByteCount offset = new ByteCount(0);

    @Option(
            names = "--from",
            paramLabel = "FORMAT",
            description = {
                "What the file is, where its content does not show it: xen-legacy (Xen of April 2007 to 4.5) or xen-seed"
                        + " (the saver of April 2007); with -32 or -64 behind it the width of words is not guessed."
            })
    private @Nullable String from;

    StatedFormat format(CommonOptions common) {
        return stated(common, "--from", from);
    }

    /** {@return the format of an option; null is none} */
    static StatedFormat stated(CommonOptions common, String option, @Nullable String word) {
        if (word == null) {
            return StatedFormat.BY_CONTENT;
        }
        return StatedFormat.named(word)
                .orElseThrow(() -> common.usage("%s %s is no format that can be said: %s are"
                        .formatted(option, word, String.join(", ", StatedFormat.allWords()))));
    }

    long startBytes() {
        return offset.bytes();
    }

    Snapshot open(Path path, CommonOptions common, Progress progress) throws IOException {
        return Snapshot.open(path, offset.bytes(), format(common), progress);
    }
}
