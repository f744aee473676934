package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.operations.GodwitVersion;
import dev.godwit.snapshot.CreationFacts;
import dev.godwit.snapshot.MachineSnapshotStream;
import dev.godwit.snapshot.SnapshotOptions;
import dev.godwit.snapshot.SnapshotWriter;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/**
 * The mapped-ram file of a machine of ours.
 *
 * <p>QEMU writes such a file in place. Here one that starts at byte 0 is written beside its name, and takes it only
 * when it is whole: a name under which a guest was saved before never holds half of another. Behind a container's
 * header ({@code offset=}), and where the name is no ordinary file's, it is written in place, as whoever made the
 * container has it open: what stood before the offset stays, and is all that is left if the migration fails.
 */
final class MappedFile {

    private MappedFile() {}

    /**
     * {@return a stream into the file}
     *
     * @throws IOException if it cannot be made; what was there is untouched, or cut at the offset
     */
    static OutgoingStream write(
            Machine machine,
            MigrationUri.OfFile file,
            Set<MigrationCapability> capabilities,
            MigrationParameters parameters)
            throws IOException {
        return new MachineSnapshotStream(
                machine,
                writer(file, parameters),
                threads(capabilities, parameters),
                capabilities.contains(MigrationCapability.VALIDATE_UUID) ? machine.uuid() : Optional.empty(),
                () -> new CreationFacts(
                        Instant.now(), GodwitVersion.TEXT, "", "migrate", "machine of type " + machine.type()));
    }

    /**
     * {@return what writes the file}
     *
     * @throws IOException as {@link #write}
     */
    static SnapshotWriter writer(MigrationUri.OfFile file, MigrationParameters parameters) throws IOException {
        SnapshotOptions options = new SnapshotOptions(parameters.truth(MigrationParameter.DIRECT_IO));
        boolean beside = file.offsetBytes() == 0 && (!Files.exists(file.path()) || Files.isRegularFile(file.path()));
        return beside
                ? SnapshotWriter.create(file.path(), options)
                : SnapshotWriter.inPlace(file.path(), file.offsetBytes(), options);
    }

    /** {@return how many threads write or read} */
    static int threads(Set<MigrationCapability> capabilities, MigrationParameters parameters) {
        return capabilities.contains(MigrationCapability.MULTIFD)
                ? Math.toIntExact(parameters.number(MigrationParameter.MULTIFD_CHANNELS))
                : 1;
    }
}
