package dev.godwit.qemu;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.postcopy.DemandPagedSink;
import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.precopy.IncomingStream;
import dev.godwit.qemu.multifd.MultifdReceiver;
import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * QEMU's stream as it brings a machine of ours: {@link IncomingMigration} reads it, and what is not this machine's is
 * refused. Postcopy is refused too, unless {@link #postcopy} is called.
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
    private @Nullable PostcopyReceiver postcopy;
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

    /**
     * Lets the source go over to postcopy; called after {@link #returnPath}, which it needs.
     *
     * @param paging of the machine's memory
     * @param pages takes the pages, over the same paging; this stream's sink hands them on to it
     * @param connections the further connections of the migration
     * @param preempt whether there is a second connection for the pages that are asked for
     */
    public IncomingMachineStream postcopy(
            DemandPaging paging, DemandPagedSink pages, PostcopyConnections connections, boolean preempt) {
        PostcopyReceiver receiver = new PostcopyReceiver(paging, pages, connections, preempt);
        if (returnPath != null) {
            receiver.answers(returnPath);
        }
        RamLayout layout = paging.memory().layout();
        Set<String> huge = new HashSet<>();
        for (int block = 0; block < layout.blocks().size(); block++) {
            if (paging.memory().hostPageBytes().get(block) > Page.SIZE_BYTES) {
                huge.add(layout.block(block).id());
            }
        }
        migration.hugePageBlocks(huge).postcopy(receiver);
        postcopy = receiver;
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
        if (postcopy != null) {
            return receive(postcopy);
        }
        VmState state = migration.into(sink);
        if (multifd != null) {
            multifd.finish();
        }
        return arrived(state);
    }

    private Arrived receive(PostcopyReceiver receiver) throws IOException {
        IncomingReading reading = migration.open(sink);
        receiver.take(reading);
        if (!reading.toPackage()) {
            return arrived(migration.finish(reading, sink));
        }
        MachinePackage guest = receiver.guest();
        return new Arrived(guest.state(), guest.before(), Optional.of(receiver));
    }

    private static Arrived arrived(VmState state) throws IOException {
        return new Arrived(MachineSections.read(state), MachineSections.before(state), Optional.empty());
    }

    @Override
    public void confirm() throws IOException {
        confirmCalled = true;
        if (returnPath != null && migration.returnPathOpened()) {
            lastPath(returnPath).shut(0);
        }
    }

    /** The one of the last connection: in postcopy there may have been several. */
    private ReturnPath lastPath(ReturnPath first) throws IOException {
        return postcopy == null ? first : postcopy.path();
    }

    @Override
    @SuppressWarnings("EmptyCatch") // a source that cannot be told keeps its guest all the same
    public void refuse() {
        if (returnPath != null && migration.returnPathOpened() && !confirmCalled) {
            try {
                lastPath(returnPath).shut(1);
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
            if (postcopy != null) {
                postcopy.breakOff();
                postcopy.close();
            }
        }
    }
}
