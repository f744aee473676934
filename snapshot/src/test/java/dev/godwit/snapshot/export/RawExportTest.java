package dev.godwit.snapshot.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.linux.OpenFile;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawExportTest {

    @TempDir
    Path folder;

    @Test
    void a_block_is_written_with_holes_for_its_zero_pages() throws IOException {
        ArrayRam ram = new ArrayRam(new RamBlock("pc.ram", 64 << 20))
                .fill(0, 0, 1)
                .fill(0, 1, 0)
                .fill(0, 2, 2)
                .fill(0, 16383, 3);
        Path file = folder.resolve("ram");
        RawExport.writeBlock(ram, 0, file, false, Progress.NONE);
        byte[] bytes = Files.readAllBytes(file);
        assertThat(bytes).hasSize(64 << 20);
        assertThat(bytes[4095]).isEqualTo((byte) 1);
        assertThat(bytes[4096]).isZero();
        assertThat(bytes[8192]).isEqualTo((byte) 2);
        assertThat(bytes[(64 << 20) - 1]).isEqualTo((byte) 3);
        try (OpenFile open = OpenFile.open(file)) {
            assertThat(open.status().allocatedBytes()).isLessThan(1 << 20);
        }
        assertThat(folder).isDirectoryNotContaining("glob:**.godwit*");
    }

    @Test
    void an_existing_file_stays_unless_it_may_be_replaced() throws IOException {
        Path file = Files.writeString(folder.resolve("ram"), "mine");
        ArrayRam ram = new ArrayRam(new RamBlock("pc.ram", 4096)).fill(0, 0, 1);
        assertThatThrownBy(() -> RawExport.writeBlock(ram, 0, file, false, Progress.NONE))
                .isInstanceOf(FileAlreadyExistsException.class);
        assertThat(file).hasContent("mine");
        RawExport.writeBlock(ram, 0, file, true, Progress.NONE);
        assertThat(file).hasSize(4096);
    }

    @Test
    void names_never_leave_the_folder() throws IOException {
        ArrayRam ram = new ArrayRam(
                new RamBlock("../../etc/passwd", 4096),
                new RamBlock("/rom@etc/acpi/tables", 4096),
                new RamBlock("..", 4096),
                new RamBlock(".", 4096),
                new RamBlock("a\0b\n", 4096),
                new RamBlock("x".repeat(255), 4096));
        Path target = folder.resolve("out");
        List<Path> files = RawExport.writeAll(ram, target, false, Progress.NONE);
        assertThat(files)
                .hasSize(6)
                .allSatisfy(file -> assertThat(file.normalize().getParent()).isEqualTo(target));
        try (var entries = Files.list(folder)) {
            assertThat(entries).containsExactly(target);
        }
        assertThat(files.get(1).getFileName()).hasToString("_rom_etc_acpi_tables.raw");
    }

    @Test
    void ids_that_would_have_one_name_have_two() {
        assertThat(RawExport.fileNames(new RamLayout(
                        List.of(new RamBlock("a/b", 4096), new RamBlock("a_b", 4096), new RamBlock("a_b-2", 4096)))))
                .doesNotHaveDuplicates();
    }

    @Test
    void nothing_is_left_of_a_file_that_was_not_committed() throws IOException {
        try (ExportFile _ = ExportFile.create(folder.resolve("x"), false)) {
            assertThat(folder).isNotEmptyDirectory();
        }
        assertThat(folder).isEmptyDirectory();
    }
}
