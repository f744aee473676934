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
        switch (uri) {
            case MigrationUri.Tcp _, MigrationUri.Unix _ -> {
                // These can do everything.
            }
            case MigrationUri.Fd _, MigrationUri.Exec _, MigrationUri.OfFile _ -> {
                if (capabilities.contains(MigrationCapability.MULTIFD)
                        || capabilities.contains(MigrationCapability.POSTCOPY_PREEMPT)) {
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
        if (capabilities.contains(MigrationCapability.MAPPED_RAM)) {
            checkMappedRam(uri, capabilities);
        }
        if (tls && (uri instanceof MigrationUri.OfFile || uri instanceof MigrationUri.Exec)) {
            throw new ControlException("TLS needs a transport that goes both ways (e.g. tcp)");
        }
        return uri;
    }

    private static void checkMappedRam(MigrationUri uri, Set<MigrationCapability> capabilities)
            throws ControlException {
        if (!(uri instanceof MigrationUri.OfFile file)) {
            throw new ControlException("Migration requires seekable transport (e.g. file)");
        }
        if (!capabilities.contains(MigrationCapability.BACKGROUND_SNAPSHOT)) {
            throw new ControlException("a machine of ours writes mapped-ram files with 'background-snapshot' only");
        }
        if (file.offsetBytes() != 0) {
            throw new ControlException("a snapshot of a running machine is a file of its own: no offset");
        }
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
