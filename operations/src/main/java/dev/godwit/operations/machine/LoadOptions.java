package dev.godwit.operations.machine;

import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.transport.MigrationUri;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * How a guest is loaded from a file.
 *
 * @param file the snapshot: mapped-ram with Godwit's trailer or without, or unless {@code mapped} a classic stream
 * @param startBytes where it starts in the file
 * @param mapped whether it has to be a mapped-ram file
 * @param mode whether the guest waits for all of its memory
 * @param threads how many read pages, at least 1
 * @param directIo whether pages are read past the page cache
 * @param order in which pages follow that nobody waits for, where the guest does not wait; empty for what suits the
 *     file
 */
public record LoadOptions(
        Path file,
        long startBytes,
        boolean mapped,
        Mode mode,
        int threads,
        boolean directIo,
        Optional<PushPolicy> order) {

    /** Whether the guest waits for all of its memory. */
    public enum Mode {
        /** It runs when all of it is here. */
        EAGER,
        /** It runs at once, and its memory follows on demand, by userfaultfd. */
        LAZY,
        /** Lazy where this host can, otherwise eager. */
        LAZY_WHERE_POSSIBLE
    }

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if a number is out of range, or an order is asked for that has no meaning
     */
    public LoadOptions {
        if (startBytes < 0 || threads < 1 || threads > 255) {
            throw new IllegalArgumentException("a snapshot is loaded from byte 0 or later by 1 to 255 threads:"
                    + " startBytes=%d, threads=%d".formatted(startBytes, threads));
        }
        if (order.isPresent() && mode == Mode.EAGER) {
            throw new IllegalArgumentException("an order is for pages that follow while the guest runs already");
        }
    }

    /** {@return how {@code migrate-incoming} takes a mapped-ram file} */
    static LoadOptions mapped(
            MigrationUri.OfFile file, Set<MigrationCapability> capabilities, MigrationParameters parameters) {
        return new LoadOptions(
                file.path(),
                file.offsetBytes(),
                true,
                Mode.EAGER,
                MappedFile.threads(capabilities, parameters),
                parameters.truth(MigrationParameter.DIRECT_IO),
                Optional.empty());
    }
}
