package dev.godwit.kvm;

import java.io.OutputStream;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * What a KVM machine is made of.
 *
 * @param vcpus how many vCPUs, 1 to {@value MpTable#MOST_VCPUS}
 * @param uuid who the guest is, where it has an identity
 * @param boot what it starts with
 * @param cpuidVendor twelve ASCII characters that CPUID answers for the vendor in place of the host's
 * @param dirtyTracking how KVM tracks writes; fixed for the machine's life, because a machine with rings has no bitmaps
 * @param serialOutput where the serial port's output goes; stays open
 * @param debugOutput where bytes written to port 0xe9 go; stays open
 * @param onEnd told when the guest has ended by itself or can run no more, on a thread of its own
 * @param furtherLogs dirty logs of the host's, offered behind KVM's own
 */
public record KvmMachineOptions(
        int vcpus,
        Optional<UUID> uuid,
        Boot boot,
        Optional<String> cpuidVendor,
        DirtyTracking dirtyTracking,
        OutputStream serialOutput,
        OutputStream debugOutput,
        Consumer<GuestEnd> onEnd,
        List<DirtyLogSource> furtherLogs) {

    /** How KVM tracks which pages are written. */
    public sealed interface DirtyTracking {
        /** A bitmap a memory slot, with manual protection: method {@code kvm-bitmap}. */
        record Bitmap() implements DirtyTracking {}

        /**
         * A ring a vCPU: method {@code kvm-ring}.
         *
         * @param entries how many writes it holds, a power of two from 4096 to 65536
         */
        record Ring(int entries) implements DirtyTracking {
            /**
             * Checks the value.
             *
             * @throws IllegalArgumentException if it is out of range
             */
            public Ring {
                if (entries < 4096 || entries > 65536 || Integer.bitCount(entries) != 1) {
                    throw new IllegalArgumentException(
                            "a dirty ring has a power of two of entries from 4096 to 65536: entries=" + entries);
                }
            }
        }
    }

    /**
     * Checks the values and copies the list.
     *
     * @throws IllegalArgumentException if there are too few or too many vCPUs, or the vendor has not twelve characters
     */
    public KvmMachineOptions {
        if (vcpus < 1 || vcpus > MpTable.MOST_VCPUS) {
            throw new IllegalArgumentException(
                    "a KVM machine has 1 to %d vCPUs: vcpus=%d".formatted(MpTable.MOST_VCPUS, vcpus));
        }
        if (cpuidVendor.isPresent() && !cpuidVendor.get().matches("\\p{Print}{12}")) {
            throw new IllegalArgumentException(
                    "a CPUID vendor has twelve printable characters: cpuidVendor=" + cpuidVendor.get());
        }
        furtherLogs = List.copyOf(furtherLogs);
    }

    /** {@return one vCPU that boots this, with nothing attached} */
    public static KvmMachineOptions of(Boot boot) {
        return new KvmMachineOptions(
                1,
                Optional.empty(),
                boot,
                Optional.empty(),
                new DirtyTracking.Bitmap(),
                OutputStream.nullOutputStream(),
                OutputStream.nullOutputStream(),
                end -> {},
                List.of());
    }

    /** {@return the same with another number of vCPUs} */
    public KvmMachineOptions withVcpus(int newVcpus) {
        return new KvmMachineOptions(
                newVcpus, uuid, boot, cpuidVendor, dirtyTracking, serialOutput, debugOutput, onEnd, furtherLogs);
    }

    /** {@return the same with an identity} */
    public KvmMachineOptions withUuid(UUID newUuid) {
        return new KvmMachineOptions(
                vcpus,
                Optional.of(newUuid),
                boot,
                cpuidVendor,
                dirtyTracking,
                serialOutput,
                debugOutput,
                onEnd,
                furtherLogs);
    }

    /** {@return the same with another vendor in CPUID} */
    public KvmMachineOptions withCpuidVendor(String newVendor) {
        return new KvmMachineOptions(
                vcpus,
                uuid,
                boot,
                Optional.of(newVendor),
                dirtyTracking,
                serialOutput,
                debugOutput,
                onEnd,
                furtherLogs);
    }

    /** {@return the same with writes tracked in another way} */
    public KvmMachineOptions withDirtyTracking(DirtyTracking newDirtyTracking) {
        return new KvmMachineOptions(
                vcpus, uuid, boot, cpuidVendor, newDirtyTracking, serialOutput, debugOutput, onEnd, furtherLogs);
    }

    /** {@return the same with the serial port attached} */
    public KvmMachineOptions withSerialOutput(OutputStream newSerialOutput) {
        return new KvmMachineOptions(
                vcpus, uuid, boot, cpuidVendor, dirtyTracking, newSerialOutput, debugOutput, onEnd, furtherLogs);
    }

    /** {@return the same with the debug port attached} */
    public KvmMachineOptions withDebugOutput(OutputStream newDebugOutput) {
        return new KvmMachineOptions(
                vcpus, uuid, boot, cpuidVendor, dirtyTracking, serialOutput, newDebugOutput, onEnd, furtherLogs);
    }

    /** {@return the same with somebody to be told of the guest's end} */
    public KvmMachineOptions withOnEnd(Consumer<GuestEnd> newOnEnd) {
        return new KvmMachineOptions(
                vcpus, uuid, boot, cpuidVendor, dirtyTracking, serialOutput, debugOutput, newOnEnd, furtherLogs);
    }

    /** {@return the same with dirty logs of the host's} */
    public KvmMachineOptions withFurtherLogs(List<DirtyLogSource> newFurtherLogs) {
        return new KvmMachineOptions(
                vcpus, uuid, boot, cpuidVendor, dirtyTracking, serialOutput, debugOutput, onEnd, newFurtherLogs);
    }
}
