package dev.godwit.operations.machine;

import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.transport.MigrationUri;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * What machine to run.
 *
 * @param kind what it is
 * @param name what its user calls it
 * @param qmp where its control socket is: {@code unix:} or a {@code tcp:} address of this machine alone
 * @param incoming where its guest comes from
 * @param paused whether it stays stopped until it is told to run ({@code -S})
 * @param capabilities of migrations, that are on from the start
 * @param tlsCredentials folder of the x509 files for its migrations, which are inside TLS then
 */
public record RunOptions(
        MachineKind kind,
        Optional<String> name,
        Optional<MigrationUri> qmp,
        Incoming incoming,
        boolean paused,
        Set<MigrationCapability> capabilities,
        Optional<Path> tlsCredentials) {

    /** Where a guest comes from. */
    public sealed interface Incoming {

        /** From nowhere: it begins here. */
        record None() implements Incoming {}

        /** By a migration, whose address {@code migrate-incoming} will say. */
        record Deferred() implements Incoming {}

        /**
         * By a migration.
         *
         * @param uri where to listen for it, in QEMU's notation
         */
        record At(String uri) implements Incoming {}

        /**
         * From a file.
         *
         * @param options which, and how
         */
        record Loaded(LoadOptions options) implements Incoming {}
    }

    /**
     * Checks that the choices go together.
     *
     * @throws IllegalArgumentException if they do not
     */
    public RunOptions {
        capabilities = Set.copyOf(capabilities);
        if (incoming instanceof Incoming.Deferred && qmp.isEmpty()) {
            throw new IllegalArgumentException(
                    "a machine that is to be told later where its guest comes from needs a control socket");
        }
        if (incoming instanceof Incoming.None && paused && qmp.isEmpty()) {
            throw new IllegalArgumentException("a machine that waits to be started needs a control socket");
        }
    }
}
