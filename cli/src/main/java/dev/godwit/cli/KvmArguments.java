package dev.godwit.cli;

import dev.godwit.kvm.Boot;
import dev.godwit.kvm.KvmMachineOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code godwit run} that only the KVM machine has. Used as a {@link picocli.CommandLine.Mixin}. */
final class KvmArguments {

    /** Their names. */
    static final Set<String> NAMES =
            Set.of("--kernel", "--initrd", "--append", "--flat", "--cpuid-vendor", "--dirty-ring", "--serial");

    private static final String STANDARD_OUTPUT = "-";

    @Option(names = "--kernel", paramLabel = "FILE", description = "kvm: the Linux kernel that is booted, a bzImage.")
    private @Nullable Path kernel;

    @Option(names = "--initrd", paramLabel = "FILE", description = "kvm: its first file system.")
    private @Nullable Path initrd;

    @Option(names = "--append", paramLabel = "TEXT", description = "kvm: its command line.")
    private @Nullable String append;

    @Option(
            names = "--flat",
            paramLabel = "FILE",
            description = "kvm: a program without a format that is booted in place of a kernel.")
    private @Nullable Path flat;

    @Option(names = "--cpuid-vendor", paramLabel = "TEXT", description = "kvm: twelve characters that CPUID answers.")
    private @Nullable String cpuidVendor;

    @Option(
            names = "--dirty-ring",
            paramLabel = "ENTRIES",
            description = "kvm: writes are tracked by rings of so many, and not by a bitmap.")
    private @Nullable Integer dirtyRingEntries;

    @Option(
            names = "--serial",
            paramLabel = "FILE",
            description = "kvm: where the serial port's output goes; standard output by default, or -.")
    private @Nullable String serial;

    /**
     * {@return the machine}
     *
     * @param incoming whether its guest comes by a migration
     * @throws IllegalArgumentException if the options make no sense; the message is for the user
     * @throws IOException if the file for the serial port cannot be written
     */
    KvmMachineOptions options(boolean incoming, int vcpus, Optional<UUID> uuid, boolean json) throws IOException {
        KvmMachineOptions.DirtyTracking tracking = dirtyRingEntries == null
                ? new KvmMachineOptions.DirtyTracking.Bitmap()
                : new KvmMachineOptions.DirtyTracking.Ring(dirtyRingEntries);
        KvmMachineOptions plain =
                KvmMachineOptions.of(boot(incoming)).withVcpus(vcpus).withDirtyTracking(tracking);
        KvmMachineOptions named = uuid.map(plain::withUuid).orElse(plain);
        KvmMachineOptions vendor = cpuidVendor == null ? named : named.withCpuidVendor(cpuidVendor);
        return vendor.withSerialOutput(serialOutput(json));
    }

    private Boot boot(boolean incoming) {
        if (incoming) {
            if (kernel != null || flat != null || initrd != null || append != null) {
                throw new IllegalArgumentException(
                        "a guest that comes by a migration brings its program: --kernel, --initrd, --append and --flat"
                                + " are not for it");
            }
            return new Boot.Incoming();
        }
        if (flat != null) {
            if (kernel != null || initrd != null) {
                throw new IllegalArgumentException("--flat goes without --kernel and --initrd");
            }
            return new Boot.Flat(flat, append == null ? "" : append);
        }
        if (kernel == null) {
            throw new IllegalArgumentException("--machine kvm needs --kernel or --flat, or --incoming");
        }
        return new Boot.Linux(kernel, Optional.ofNullable(initrd), append == null ? "" : append);
    }

    @SuppressWarnings("resource") // the machine's for as long as the process lives
    private OutputStream serialOutput(boolean json) throws IOException {
        if (serial == null && json) {
            return OutputStream.nullOutputStream();
        }
        if (serial == null || serial.equals(STANDARD_OUTPUT)) {
            return System.out;
        }
        return Channels.newOutputStream(Files.newByteChannel(
                Path.of(serial),
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
    }
}
