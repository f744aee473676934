package dev.godwit.snapshot.export;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.List;

/**
 * Guest memory as an ELF core file of x86-64, as gdb and QEMU's {@code dump-guest-memory} know it. Little-endian.
 *
 * <pre>
 *    0  64      ELF header: ET_CORE, EM_X86_64, program headers from byte 64
 *   64  56 × N  program headers: one PT_NOTE, then one PT_LOAD for each range of guest physical memory, ascending;
 *               p_paddr and p_vaddr are the guest physical address, p_filesz is p_memsz
 *       356 × C  notes: NT_PRSTATUS by "CORE" for each vCPU, its pid the vCPU's index plus 1
 *               up to the next multiple of 4096: zero
 *       …       the ranges one after the other, holes where pages are zero
 * </pre>
 *
 * <p>What is in no known range (video memory, option ROMs) is not in the file.
 */
public final class ElfCore {

    static final int HEADER_BYTES = 64;
    static final int PROGRAM_HEADER_BYTES = 56;
    private static final int MAX_RANGES = 1000;

    private static final short ET_CORE = 4;
    private static final short EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    private static final int READ_WRITE_EXECUTE = 7;

    private final RamSource ram;
    private final List<MachineMemoryMap.Range> ranges;
    private final List<X86Cpu> cpus;

    /**
     * A core file.
     *
     * @param ram the pages
     * @param map where the blocks lie in guest physical memory
     * @param cpus the registers; may be empty
     * @throws IllegalArgumentException if the map has no ranges, or so many that they cannot be those of a machine
     */
    public ElfCore(RamSource ram, MachineMemoryMap map, List<X86Cpu> cpus) {
        if (map.ranges().isEmpty() || map.ranges().size() > MAX_RANGES) {
            throw new IllegalArgumentException("a core file has 1 to " + MAX_RANGES
                    + " ranges of guest physical memory: ranges=" + map.ranges().size());
        }
        this.ram = ram;
        this.ranges = map.ranges().stream()
                .sorted(Comparator.comparingLong(MachineMemoryMap.Range::gpa))
                .toList();
        this.cpus = List.copyOf(cpus);
    }

    /**
     * Writes the file; it is not committed.
     *
     * @throws IOException if a page cannot be read or the file not be written
     */
    public void write(ExportFile target, Progress progress) throws IOException {
        ByteBuffer head = head();
        long totalBytes =
                ranges.stream().mapToLong(MachineMemoryMap.Range::lengthBytes).sum();
        progress.phase("writing the core file", totalBytes);
        target.truncate(head.capacity() + totalBytes);
        target.write(0, MemorySegment.ofBuffer(head));
        try (SparseCopy copy = new SparseCopy(ram, target, progress)) {
            long positionBytes = head.capacity();
            for (MachineMemoryMap.Range range : ranges) {
                copy.copy(range.blockIndex(), range.offsetBytes(), range.lengthBytes(), positionBytes);
                positionBytes += range.lengthBytes();
            }
        }
    }

    private ByteBuffer head() {
        int notesAt = HEADER_BYTES + PROGRAM_HEADER_BYTES * (1 + ranges.size());
        int notesBytes = Math.multiplyExact(ElfPrStatus.NOTE_BYTES, cpus.size());
        int headBytes = Math.ceilDiv(Math.addExact(notesAt, notesBytes), Page.SIZE_BYTES) * Page.SIZE_BYTES;
        ByteBuffer head = ByteBuffer.allocate(headBytes).order(ByteOrder.LITTLE_ENDIAN);
        putHeader(head);
        putProgramHeader(head, PT_NOTE, 0, notesAt, 0, notesBytes, 0);
        long positionBytes = headBytes;
        for (MachineMemoryMap.Range range : ranges) {
            putProgramHeader(
                    head,
                    PT_LOAD,
                    READ_WRITE_EXECUTE,
                    positionBytes,
                    range.gpa(),
                    range.lengthBytes(),
                    Page.SIZE_BYTES);
            positionBytes += range.lengthBytes();
        }
        for (X86Cpu cpu : cpus) {
            ElfPrStatus.put(head, cpu);
        }
        return head.clear();
    }

    private void putHeader(ByteBuffer head) {
        head.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1}).position(16);
        head.putShort(ET_CORE).putShort(EM_X86_64).putInt(1);
        head.putLong(0).putLong(HEADER_BYTES).putLong(0).putInt(0);
        head.putShort((short) HEADER_BYTES)
                .putShort((short) PROGRAM_HEADER_BYTES)
                .putShort((short) (1 + ranges.size()));
        head.position(HEADER_BYTES);
    }

    private static void putProgramHeader(
            ByteBuffer head, int type, int flags, long positionBytes, long gpa, long lengthBytes, long alignment) {
        head.putInt(type).putInt(flags).putLong(positionBytes);
        head.putLong(gpa).putLong(gpa);
        head.putLong(lengthBytes).putLong(type == PT_NOTE ? 0 : lengthBytes).putLong(alignment);
    }
}
