package dev.godwit.kvm;

import java.nio.file.Path;
import java.util.Optional;

/** What a new machine starts with. */
public sealed interface Boot {

    /** Nothing: the machine waits for a state that is loaded into it. */
    record Incoming() implements Boot {}

    /**
     * A Linux kernel, or any program that keeps to its boot protocol for 64 bits, version 2.12 and later. The machine
     * describes itself by an MP table and has no ACPI: boot with {@code acpi=off}.
     *
     * @param kernel a bzImage
     * @param initrd its first file system
     * @param append the command line, ASCII
     */
    record Linux(Path kernel, Optional<Path> initrd, String append) implements Boot {}

    /**
     * A program without any format: put at guest-physical {@value FlatImage#LOAD_GPA} and entered there in 64-bit mode
     * with paging on (the first 4 GiB as they are), interrupts off, a stack below 0x8000, RDI = bytes of RAM, RSI = the
     * address of the command line, ended by a zero, RDX = how many vCPUs there are. The other vCPUs wait for INIT and
     * SIPI.
     *
     * @param image the program
     * @param append the command line, ASCII
     */
    record Flat(Path image, String append) implements Boot {}
}
