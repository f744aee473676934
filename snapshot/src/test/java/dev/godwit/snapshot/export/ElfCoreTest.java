package dev.godwit.snapshot.export;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.Progress;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ElfCoreTest {

    private static final long LENGTH_BYTES = 0xC000_0000L;
    private static final long FOUR_GIB = 1L << 32;
    private static final X86Cpu CPU = new X86Cpu(
            1,
            List.of(new X86Cpu.Register("rip", 0x1122334455667788L), new X86Cpu.Register("rax", 0xA1)),
            List.of(new X86Cpu.Segment("cs", 0x10, 0, 0, 0), new X86Cpu.Segment("gs", 0x18, 0xFEED, 0, 0)),
            List.of());

    @TempDir
    Path folder;

    private Path file;

    /** A q35 of 3 GiB: 2 GiB below the hole, 1 GiB above 4 GiB. */
    @BeforeEach
    void write_a_core_file() throws IOException {
        ArrayRam ram = new ArrayRam(new RamBlock("pc.ram", LENGTH_BYTES), new RamBlock("vga.vram", 4096))
                .fill(0, 1, 0x11)
                .fill(0, 0x80000, 0x22)
                .fill(1, 0, 0x33);
        file = folder.resolve("core");
        ElfCore core = new ElfCore(ram, MachineMemoryMap.of("pc-q35-10.0", ram.layout()), List.of(CPU));
        try (ExportFile target = ExportFile.create(file, false)) {
            core.write(target, Progress.NONE);
            target.commit();
        }
    }

    @Test
    void the_bytes_are_where_the_headers_say() throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer head = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
            channel.read(head, 0);
            assertThat(head.getShort(56)).as("e_phnum").isEqualTo((short) 3);
            int low = 64 + 56;
            int high = low + 56;
            assertThat(head.getLong(low + 24)).as("p_paddr").isZero();
            assertThat(head.getLong(low + 40)).as("p_memsz").isEqualTo(0x8000_0000L);
            assertThat(head.getLong(high + 16)).as("p_vaddr").isEqualTo(FOUR_GIB);
            assertThat(head.getLong(high + 24)).as("p_paddr").isEqualTo(FOUR_GIB);
            assertThat(head.getLong(high + 32)).as("p_filesz").isEqualTo(0x4000_0000L);
            assertThat(byteAt(channel, head.getLong(low + 8) + 4096)).isEqualTo(0x11);
            assertThat(byteAt(channel, head.getLong(high + 8))).isEqualTo(0x22);
            assertThat(channel.size()).isEqualTo(head.getLong(low + 8) + LENGTH_BYTES);
            int note = high + 56;
            assertThat(head.getInt(note + 4)).isEqualTo(336);
            assertThat(head.getInt(note + 52)).as("pid").isEqualTo(2);
            assertThat(head.getLong(note + 132 + 10 * 8)).as("rax").isEqualTo(0xA1);
            assertThat(head.getLong(note + 132 + 16 * 8)).as("rip").isEqualTo(0x1122334455667788L);
            assertThat(head.getLong(note + 132 + 22 * 8)).as("gs_base").isEqualTo(0xFEED);
        }
    }

    @Test
    void readelf_takes_it() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/readelf")), "skipped: there is no readelf here");
        String text = run("readelf", "-lnW", file.toString());
        assertThat(text).contains("CORE (Core file)").contains("NT_PRSTATUS").doesNotContain("Warning");
        assertThat(text).containsPattern("LOAD +0x\\w+ 0x0000000100000000 0x0000000100000000 0x40000000 0x40000000");
    }

    @Test
    void gdb_shows_memory_and_registers() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/gdb")), "skipped: there is no gdb here");
        String text = run(
                "gdb",
                "-nx",
                "-batch",
                "-ex",
                "core-file " + file,
                "-ex",
                "x/1xb 0x1000",
                "-ex",
                "x/1xb 0x100000000",
                "-ex",
                "p/x $rip",
                "-ex",
                "p/x $rax");
        assertThat(text).contains("0x1000:\t0x11").contains("0x100000000:\t0x22");
        assertThat(text).contains("0x1122334455667788").contains("0xa1");
    }

    @Test
    void a_machine_without_a_map_is_refused() {
        ArrayRam ram = new ArrayRam(new RamBlock("mach-virt.ram", 4096));
        assertThatThrownBy(() -> new ElfCore(ram, MachineMemoryMap.of("virt-10.0", ram.layout()), List.of()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static int byteAt(FileChannel channel, long positionBytes) throws IOException {
        ByteBuffer one = ByteBuffer.allocate(1);
        channel.read(one, positionBytes);
        return one.get(0);
    }

    private String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(Path.of("/dev/null").toFile())
                .start();
        String text = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(text).isZero();
        return text;
    }
}
