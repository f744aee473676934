package dev.godwit.testkit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How a QEMU is started: one for tests of migration, without any device but a serial port, unless arguments add some.
 *
 * @param version which QEMU
 * @param machine its machine type: {@code pc}, {@code q35}, {@code microvm}, or a versioned one
 * @param memoryMib MiB of guest RAM
 * @param vcpus number of virtual processors
 * @param guest what the guest does; it is also needed for an incoming one, to have the same kernel arguments
 * @param incoming the address it waits on for a migration, or {@code defer}; a guest is booted where there is none
 * @param arguments further arguments
 */
public record QemuLaunch(
        QemuVersion version,
        String machine,
        int memoryMib,
        int vcpus,
        Guest guest,
        Optional<String> incoming,
        List<String> arguments) {

    /** Copies the arguments. */
    public QemuLaunch {
        arguments = List.copyOf(arguments);
    }

    /** {@return a guest of 256 MiB and one vCPU that does what {@link Guest#small} says} */
    public static QemuLaunch of(QemuVersion version, String machine) {
        return new QemuLaunch(version, machine, 256, 1, Guest.small(), Optional.empty(), List.of());
    }

    /** {@return this with another amount of memory} */
    public QemuLaunch memoryMib(int mib) {
        return new QemuLaunch(version, machine, mib, vcpus, guest, incoming, arguments);
    }

    /** {@return this with another number of vCPUs} */
    public QemuLaunch vcpus(int number) {
        return new QemuLaunch(version, machine, memoryMib, number, guest, incoming, arguments);
    }

    /** {@return this with another guest} */
    public QemuLaunch guest(Guest other) {
        return new QemuLaunch(version, machine, memoryMib, vcpus, other, incoming, arguments);
    }

    /** {@return this, waiting for a migration at an address in QEMU's notation, or {@code defer}} */
    public QemuLaunch incoming(String uri) {
        return new QemuLaunch(version, machine, memoryMib, vcpus, guest, Optional.of(uri), arguments);
    }

    /** {@return this with further arguments} */
    public QemuLaunch with(String... further) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of(further));
        return new QemuLaunch(version, machine, memoryMib, vcpus, guest, incoming, all);
    }

    /** {@return this on another QEMU} */
    public QemuLaunch on(QemuVersion other) {
        return new QemuLaunch(other, machine, memoryMib, vcpus, guest, incoming, arguments);
    }

    /**
     * Starts it, or ends the test as skipped where a peer is missing.
     *
     * @throws IOException if it ends at once; with what it wrote to its standard error
     */
    public QemuProcess start() throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Peers.qemu(version).toString(),
                "-accel",
                "tcg",
                "-machine",
                machine.startsWith("microvm") ? machine + ",isa-serial=on" : machine,
                "-m",
                memoryMib + "M",
                "-smp",
                Integer.toString(vcpus),
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-serial",
                "stdio",
                "-kernel",
                Peers.kernel().toString(),
                "-initrd",
                Peers.initramfs().toString(),
                "-append",
                kernelArguments()));
        incoming.ifPresent(uri -> command.addAll(List.of("-incoming", uri)));
        command.addAll(arguments);
        return QemuProcess.start(command);
    }

    /**
     * A microvm has no clock by which its kernel could measure the processor's, but a timer that a busy machine serves
     * too late: the kernel would then stand still for ever. So it is told, and its clock may go wrong by as much as
     * this figure is off.
     */
    private String kernelArguments() {
        return guest.kernelArguments() + (machine.startsWith("microvm") ? " tsc_early_khz=2500000" : "");
    }
}
