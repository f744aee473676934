package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineSource;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.snapshot.GuestFrames;
import dev.godwit.snapshot.SideStream;
import dev.godwit.xen.Hvm2007Policy;
import dev.godwit.xen.Hvm2007Settings;
import dev.godwit.xen.Hvm2007Stream;
import dev.godwit.xen.WordSize;
import java.io.IOException;
import java.nio.channels.WritableByteChannel;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** A machine of ours on its way into a stream of Xen's saver of 2007: the parameter {@code x-format=xen-2007}. */
final class Hvm2007Output {

    /** The value of the parameter. */
    static final String FORMAT = "xen-2007";

    /** The capabilities that have no effect on what is in a stream. */
    private static final Set<MigrationCapability> INDIFFERENT = EnumSet.of(
            MigrationCapability.EVENTS,
            MigrationCapability.AUTO_CONVERGE,
            MigrationCapability.PAUSE_BEFORE_SWITCHOVER,
            MigrationCapability.ZERO_BLOCKS,
            MigrationCapability.LATE_BLOCK_ACTIVATE);

    private Hvm2007Output() {}

    /**
     * {@return the stream}
     *
     * @param channel closed by the stream
     * @throws IOException if a capability is on that needs QEMU's stream, or the machine's memory is not laid out as
     *     Xen's was
     */
    static OutgoingStream of(
            Machine machine,
            WritableByteChannel channel,
            Set<MigrationCapability> capabilities,
            MigrationParameters parameters)
            throws IOException {
        for (MigrationCapability capability : capabilities) {
            if (!INDIFFERENT.contains(capability)) {
                throw new IOException("the stream of Xen's saver of 2007 cannot do that: switch the capability '%s' off"
                        .formatted(capability.word()));
            }
        }
        boolean wide = parameters.text(MigrationParameter.X_XEN_WORDS).equals("64");
        Hvm2007Settings settings = new Hvm2007Settings(
                wide ? WordSize.BITS_64 : WordSize.BITS_32,
                parameters.truth(MigrationParameter.X_XEN_DEBUG),
                (int) parameters.number(MigrationParameter.X_XEN_MAX_ITERS),
                (int) parameters.number(MigrationParameter.X_XEN_MAX_FACTOR),
                parameters.truth(MigrationParameter.X_XEN_STRICT));
        Hvm2007Policy policy = new Hvm2007Policy(
                GuestFrames.of(machine.type(), machine.memory().layout()),
                machine.memory().layout(),
                settings);
        Configuration configuration =
                new Configuration(machine.type(), OptionalInt.empty(), List.of(), Optional.empty());
        return new Hvm2007Stream(
                machine.memory(),
                policy,
                settings,
                machine.vcpus(),
                channel,
                (state, before) -> SideStream.write(
                        new MachineSource(machine.memory()),
                        MachineSections.vmState(configuration, state, before),
                        policy.map()));
    }
}
