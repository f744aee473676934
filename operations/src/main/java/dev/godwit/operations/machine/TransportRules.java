package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.transport.MigrationUri;
import java.util.Set;

/** Which addresses a migration can have, by its capabilities (qemu-migration specification section 7.1). */
final class TransportRules {

    private TransportRules() {}

    /**
     * {@return an address that a migration can have}
     *
     * @param text in QEMU's notation
     * @param capabilities that are on
     * @param tls whether it is to be inside TLS
     * @throws ControlException if it is no address, or not one for this migration
     */
    static MigrationUri check(String text, Set<MigrationCapability> capabilities, boolean tls) throws ControlException {
        MigrationUri uri = parse(text);
        boolean mapped = capabilities.contains(MigrationCapability.MAPPED_RAM);
        if (mapped && !(uri instanceof MigrationUri.OfFile)) {
            throw new ControlException("Migration requires seekable transport (e.g. file)");
        }
        switch (uri) {
            case MigrationUri.Tcp _, MigrationUri.Unix _ -> {
                // These can do everything.
            }
            case MigrationUri.Fd _, MigrationUri.Exec _, MigrationUri.OfFile _ -> {
                if (capabilities.contains(MigrationCapability.POSTCOPY_PREEMPT)
                        || (capabilities.contains(MigrationCapability.MULTIFD) && !mapped)) {
                    throw new ControlException("Migration requires multi-channel URIs (e.g. tcp)");
                }
            }
        }
        if (uri instanceof MigrationUri.OfFile && capabilities.contains(MigrationCapability.RETURN_PATH)) {
            throw new ControlException("a file has no return path: switch the capability 'return-path' off");
        }
        if (uri instanceof MigrationUri.OfFile && capabilities.contains(MigrationCapability.POSTCOPY_RAM)) {
            throw new ControlException("a file has no return path: switch the capability 'postcopy-ram' off");
        }
        if (tls && (uri instanceof MigrationUri.OfFile || uri instanceof MigrationUri.Exec)) {
            throw new ControlException(
                    mapped ? "Cannot use TLS with mapped-ram" : "TLS needs a transport that goes both ways (e.g. tcp)");
        }
        return uri;
    }

    private static MigrationUri parse(String text) throws ControlException {
        int colon = text.indexOf(':');
        String scheme = colon < 0 ? text : text.substring(0, colon);
        if (!Set.of("tcp", "unix", "fd", "exec", "file").contains(scheme)) {
            throw new ControlException("unknown migration protocol: " + text);
        }
        try {
            return MigrationUri.parse(text);
        } catch (IllegalArgumentException e) {
            throw new ControlException(String.valueOf(e.getMessage()), e);
        }
    }
}
