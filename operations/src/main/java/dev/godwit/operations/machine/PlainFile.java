package dev.godwit.operations.machine;

import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.qemu.BackgroundStream;
import dev.godwit.qemu.MachineStream;
import dev.godwit.snapshot.StreamFile;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The file of a machine of ours that is a stream, and no mapped-ram file. Like {@link MappedFile} it is written beside
 * its name, or behind a container's header in place. What is no file (a device, a pipe) is written as QEMU does.
 */
final class PlainFile {

    private PlainFile() {}

    /** {@return the file of an address; empty for one that is no ordinary file's} */
    static Optional<MigrationUri.OfFile> of(MigrationUri uri) {
        return uri instanceof MigrationUri.OfFile file
                        && (!Files.exists(file.path()) || Files.isRegularFile(file.path()))
                ? Optional.of(file)
                : Optional.empty();
    }

    /**
     * {@return a stream into the file: QEMU's or, by the parameters, Xen's of 2007}
     *
     * @throws IOException if it cannot be made; what was there is untouched, or cut at the offset
     */
    static OutgoingStream write(
            Machine machine,
            MigrationUri.OfFile file,
            Set<MigrationCapability> capabilities,
            Supplier<MigrationParameters> parameters)
            throws IOException {
        StreamFile target = StreamFile.create(file.path(), file.offsetBytes());
        try {
            boolean xen = parameters.get().text(MigrationParameter.X_FORMAT).equals(Hvm2007Output.FORMAT);
            OutgoingStream stream = xen
                    ? Hvm2007Output.of(machine, target, capabilities, parameters.get())
                    : new MachineStream(machine, target, capabilities, parameters);
            return new StreamToFile(stream, target);
        } catch (IOException | RuntimeException e) {
            target.close();
            throw e;
        }
    }

    /**
     * {@return a background snapshot into the file}
     *
     * @throws IOException as {@link #write}
     */
    static SnapshotOutput snapshot(Machine machine, MigrationUri.OfFile file) throws IOException {
        StreamFile target = StreamFile.create(file.path(), file.offsetBytes());
        return new SnapshotToFile(new BackgroundStream(machine, target), target);
    }
}
