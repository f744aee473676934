package dev.godwit.cli;

import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.operations.machine.LoadOptions;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How {@code run} takes its guest from a snapshot. */
final class LoadArguments {

    @Option(
            names = "--load",
            paramLabel = "FILE",
            description = "The guest comes from this snapshot, and runs if it ran when it was saved.")
    private @Nullable Path file;

    @Option(
            names = "--load-offset",
            paramLabel = "SIZE",
            description = "Where the snapshot starts in the file, behind a container's header (default 0).")
    private @Nullable ByteCount offset;

    @Option(
            names = "--lazy",
            description = {
                "The guest runs at once, and its memory follows on demand, by userfaultfd: the default where this host",
                "can. A page that is not what was saved is never shown to the guest."
            })
    private boolean lazy;

    @Option(names = "--eager", description = "The guest runs when all of its memory is here.")
    private boolean eager;

    @Option(names = "--load-threads", paramLabel = "N", description = "How many threads read (default 2).")
    private @Nullable Integer threads;

    @Option(names = "--direct-io", description = "Read the snapshot past the page cache.")
    private boolean directIo;

    @Option(
            names = "--order",
            paramLabel = "NAME",
            description = {
                "In which order memory follows that nobody waits for: linear, fault-forward, or recorded, by what a lazy",
                "restore has recorded beside the snapshot (default: recorded where there is a recording,",
                "fault-forward otherwise)."
            })
    private @Nullable String order;

    boolean isGiven() {
        return file != null;
    }

    /**
     * {@return what was asked for}
     *
     * @throws IllegalArgumentException if the options do not go together
     */
    Optional<LoadOptions> options() {
        if (file == null) {
            if (offset != null || lazy || eager || threads != null || directIo || order != null) {
                throw new IllegalArgumentException(
                        "--load-offset, --lazy, --eager, --load-threads, --direct-io and --order are for --load");
            }
            return Optional.empty();
        }
        if (lazy && eager) {
            throw new IllegalArgumentException("a snapshot is loaded --lazy or --eager");
        }
        LoadOptions.Mode mode =
                lazy ? LoadOptions.Mode.LAZY : eager ? LoadOptions.Mode.EAGER : LoadOptions.Mode.LAZY_WHERE_POSSIBLE;
        return Optional.of(new LoadOptions(
                file,
                offset == null ? 0 : offset.bytes(),
                false,
                mode,
                threads == null ? 2 : threads,
                directIo,
                Optional.ofNullable(order).map(PushPolicy::parse)));
    }
}
