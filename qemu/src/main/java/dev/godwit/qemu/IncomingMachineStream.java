package dev.godwit.qemu;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.precopy.IncomingStream;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.qemu.vmstate.MachineSections;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * QEMU's precopy stream as it brings a machine of ours: {@link IncomingMigration} reads it, and what is not this
 * machine's is refused.
 */
public final class IncomingMachineStream implements IncomingStream {

    private static final UUID NO_UUID = new UUID(0, 0);

    private final String machineType;
    private final Optional<UUID> uuid;
    private final ReceivedPages sink;
    private final ReadableByteChannel channel;
    private final IncomingMigration migration;
    private @Nullable ReturnPath returnPath;
    private @Nullable MultifdReceiver multifd;
    private boolean confirmCalled;

    /**
     * A stream to be read.
     *
     * @param machine type and identity must agree with the source's
     * @param sink takes the pages, those of multifd channels too
     * @param channel at the stream's header, in blocking mode; closed by this stream
     */
    public IncomingMachineStream(Machine machine, ReceivedPages sink, ReadableByteChannel channel) {
        this.machineType = machine.type();
        this.uuid = machine.uuid();
        this.sink = sink;
        this.channel = channel;
        this.migration = IncomingMigration.from(channel).configurationCheck(this::check);
    }

    /**
     * Answers a source that asks for it.
     *
     * @param back the other direction of the channel
     * @param acknowledge whether {@code switchover-ack} is on
     */
    public IncomingMachineStream returnPath(WritableByteChannel back, boolean acknowledge) {
        ReturnPath path = new ReturnPath(back);
        returnPath = path;
        migration.returnPath(path);
        if (acknowledge) {
            migration.switchoverAck();
        }
        return this;
    }

    /**
     * Takes pages from multifd channels too.
     *
     * @param channels write to this stream's sink; closed by this stream
     */
    public IncomingMachineStream multifd(MultifdReceiver channels) {
        multifd = channels;
        migration.multifd(channels);
        return this;
    }

    private void check(Configuration found) throws IOException {
        check(machineType, uuid, found);
        if (multifd != null) {
            multifd.requireUuid(uuid.orElse(NO_UUID));
        }
    }

    /**
     * Checks whether what was saved or sent is a machine's own: the destination's rules of qemu-migration specification
     * section 1.2, but the whole machine type counts.
     *
     * @throws StreamFormatException if it is another's
     */
    public static void check(String machineType, Optional<UUID> uuid, Configuration found)
            throws StreamFormatException {
        if (!found.machineType().equals(machineType)) {
            throw new StreamFormatException(0, "configuration", "machine type " + machineType, found.machineType());
        }
        if (uuid.isPresent() && found.uuid().isPresent() && !found.uuid().equals(uuid)) {
            throw new StreamFormatException(
                    0,
                    "configuration",
                    "the guest with UUID " + uuid.get(),
                    found.uuid().get().toString());
        }
    }

    @Override
    public Arrived receive() throws IOException {
        VmState state = migration.into(sink);
        if (multifd != null) {
            multifd.finish();
        }
        return new Arrived(MachineSections.read(state), MachineSections.before(state));
    }

    @Override
    public void confirm() throws IOException {
        confirmCalled = true;
        if (returnPath != null && migration.returnPathOpened()) {
            returnPath.shut(0);
        }
    }

    @Override
    @SuppressWarnings("EmptyCatch") // a source that cannot be told keeps its guest all the same
    public void refuse() {
        if (returnPath != null && migration.returnPathOpened() && !confirmCalled) {
            try {
                returnPath.shut(1);
            } catch (IOException _) {
                // see above
            }
        }
    }

    @Override
    @SuppressWarnings("EmptyCatch") // closed again, and heard of, in close()
    public void abort() {
        try {
            channel.close();
        } catch (IOException _) {
            // see above
        }
    }

    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            if (multifd != null) {
                multifd.close();
            }
        }
    }
}
