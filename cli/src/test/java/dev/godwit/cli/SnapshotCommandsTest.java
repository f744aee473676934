package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.snapshot.Snapshot;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotCommandsTest {

    @TempDir
    static Path captures;

    private static Path mappedRam;
    private static Path stream;

    @TempDir
    Path folder;

    @BeforeAll
    static void unpack() {
        mappedRam = Captures.unpack("mapped-ram.mig", captures);
        stream = Captures.unpack("precopy-q35.mig", captures);
    }

    @Test
    void inspect_shows_a_mapped_ram_file() {
        Run run = Run.of("inspect", mappedRam);
        assertThat(run.status()).isZero();
        assertThat(run.out())
                .contains(
                        "QEMU mapped-ram file",
                        "pc-i440fx-10.0",
                        "running",
                        "/rom@etc/acpi/tables",
                        "0000:00:01.1/ide");
        assertThat(run.err()).isEmpty();
    }

    @Test
    void inspect_as_json_has_blocks_devices_and_registers() {
        Run run = Run.of("inspect", "--json", "--duplicates", "--cpus", "--device", "serial", mappedRam);
        assertThat(run.status()).isZero();
        Json json = run.json();
        assertThat(json.at("kind").value()).isEqualTo("MAPPED_RAM");
        assertThat(json.at("runState").value()).isEqualTo("running");
        assertThat(json.at("blocks", 0, "id").value()).isEqualTo("pc.ram");
        assertThat(json.at("blocks", 0, "lengthBytes").value()).isEqualTo(64L << 20);
        assertThat(json.at("totals", "presentPages").value()).isEqualTo(150L);
        assertThat(json.at("fields", 0, "versionId").value()).isEqualTo(3L);
        assertThat(json.at("cpus", 0, "registers", "cr0").value()).isEqualTo("0x60000011");
        assertThat(json.at("devices").list()).hasSizeGreaterThan(20);
    }

    @Test
    void inspect_of_a_device_that_is_not_there_fails() {
        Run run = Run.of("inspect", "--device", "nobody", mappedRam);
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("has no device nobody").hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "verify"})
    void a_file_that_is_not_there_is_one_line_and_with_json_a_document(String command) {
        Run run = Run.of(command, "--json", folder.resolve("none"));
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("No such file").hasLineCount(1);
        assertThat(run.json().at("error").value()).asString().contains("No such file");
    }

    @ParameterizedTest
    @ValueSource(strings = {"inspect", "verify"})
    void a_file_of_something_else_is_refused(String command) throws IOException {
        Path file = Files.writeString(folder.resolve("text"), "This is no snapshot, whatever its name says.");
        Run run = Run.of(command, file);
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("expected").hasLineCount(1);
    }

    @Test
    void verify_of_a_foreign_file_says_that_only_the_structure_was_checked() {
        Run run = Run.of("verify", mappedRam);
        assertThat(run.status()).isZero();
        assertThat(run.out()).contains("structure is sound", "cannot be checked");
        assertThat(Run.of("verify", "--json", mappedRam).json().at("scope").value())
                .isEqualTo("structure");
    }

    @Test
    void verify_names_damaged_pages_as_ranges_with_their_addresses() throws IOException {
        Path snapshot = convert(mappedRam, "snapshot", "mapped-ram");
        assertThat(Run.of("verify", snapshot).out()).contains("whole, 150 pages checked");
        long page;
        long pagesAt;
        try (Snapshot opened = Snapshot.open(snapshot)) {
            page = twoPages(opened);
            pagesAt = opened.head().layout().blocks().getFirst().header().pagesOffsetBytes();
        }
        flip(snapshot, pagesAt + page * 4096 + 17);
        flip(snapshot, pagesAt + page * 4096 + 4096 + 18);

        Run run = Run.of("verify", snapshot);
        assertThat(run.status()).isEqualTo(ExitStatus.FOUND);
        String range = "0x%x-0x%x".formatted(page * 4096, page * 4096 + 8191);
        assertThat(run.out())
                .contains("block pc.ram, offset " + range + ", guest physical " + range + ": 2 pages damaged")
                .contains("DAMAGED, 2 of 150 pages");
        Json json = Run.of("verify", "--json", snapshot).json();
        assertThat(json.at("whole").value()).isEqualTo(false);
        assertThat(json.at("damages").list()).hasSize(2);
        assertThat(json.at("damages", 0, "guestPhysicalAddress").value()).isEqualTo(page * 4096);
    }

    private static long twoPages(Snapshot snapshot) {
        long page = snapshot.present(0).nextSet(0);
        while (!snapshot.present(0).get(page + 1)) {
            page = snapshot.present(0).nextSet(page + 1);
        }
        return page;
    }

    @ParameterizedTest
    @ValueSource(strings = {"mapped-ram", "qemu"})
    void every_format_holds_the_same_guest(String format) {
        for (Path original : List.of(mappedRam, stream)) {
            Path converted = convert(original, original.getFileName() + format, format);
            Run run = Run.of("diff", original, converted);
            assertThat(run.out()).isEqualTo("the same\n");
            assertThat(run.status()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mapped-ram-bitmaps.mig", "mapped-ram-virtio-mem.mig"})
    void a_file_with_bitmaps_and_early_devices_makes_the_same_stream_directly_and_through_a_snapshot(String name) {
        Path original = Captures.unpack(name, folder);
        assertThat(Run.of("inspect", original).out()).contains("dirty-bitmap");
        assertThat(Run.of("verify", original).status()).isZero();
        Path snapshot = convert(original, "snapshot", "mapped-ram");
        assertThat(Run.of("verify", snapshot).out()).contains("whole");
        Path direct = convert(original, "direct", "qemu");
        assertThat(convert(snapshot, "around", "qemu")).hasSameBinaryContentAs(direct);
        assertThat(convert(convert(direct, "again", "mapped-ram"), "thrice", "qemu"))
                .hasSameBinaryContentAs(direct);
        assertThat(Run.of("diff", original, direct).out()).isEqualTo("the same\n");
    }

    @Test
    void diff_finds_streams_that_start_inside_their_files() {
        Path contained = Captures.unpack("mapped-ram-offset.mig", folder);
        Path out = folder.resolve("out");
        assertThat(Run.of("convert", "--offset", "4K", contained, out, "--to", "mapped-ram")
                        .status())
                .isZero();
        assertThat(Run.of("diff", "--offset", "4K", contained, contained).out()).isEqualTo("the same\n");
        assertThat(Run.of("diff", "--offset", "0x1000", "--offset-b", "0", contained, out)
                        .out())
                .isEqualTo("the same\n");
        assertThat(Run.of("diff", "--offset-b", "4K", out, contained).out()).isEqualTo("the same\n");
        assertThat(Run.of("diff", "--offset", "4K", contained, out).status()).isEqualTo(ExitStatus.FAILED);
    }

    @Test
    void diff_lists_blocks_pages_and_fields() {
        Run run = Run.of("diff", mappedRam, stream);
        assertThat(run.status()).isEqualTo(ExitStatus.FOUND);
        assertThat(run.out())
                .contains("machine type: < pc-i440fx-10.0  > pc-q35-10.0", "nirq: < 4  > 8", "only in the second");
        Json json = Run.of("diff", "--json", mappedRam, stream).json();
        assertThat(json.at("same").value()).isEqualTo(false);
        assertThat(json.at("blocks", 0, "ranges", 0, "lengthBytes").value()).isInstanceOf(Long.class);
    }

    @Test
    void raw_blocks_and_core_files_are_written() throws IOException {
        Path raw = convert(mappedRam, "raw", "raw");
        assertThat(raw.resolve("pc.ram.raw")).hasSize(64 << 20);
        assertThat(raw.resolve("_rom_etc_acpi_tables.raw")).hasSize(128 << 10);
        Path bios = folder.resolve("bios");
        assertThat(Run.of("convert", mappedRam, bios, "--to", "raw", "--block", "pc.bios")
                        .status())
                .isZero();
        assertThat(bios).hasSameBinaryContentAs(raw.resolve("pc.bios.raw"));
        Path core = convert(mappedRam, "core", "elf");
        try (FileChannel channel = FileChannel.open(core)) {
            ByteBuffer end = ByteBuffer.allocate(64 << 10);
            channel.read(end, channel.size() - (64 << 10));
            assertThat(end.array()).isEqualTo(Files.readAllBytes(bios));
        }
    }

    @Test
    void convert_refuses_an_existing_file_unless_forced() throws IOException {
        Path out = Files.writeString(folder.resolve("out"), "mine");
        for (String format : List.of("mapped-ram", "qemu", "elf", "raw")) {
            Run refused = Run.of("convert", mappedRam, out, "--to", format);
            assertThat(refused.status()).isEqualTo(ExitStatus.FAILED);
            assertThat(refused.err()).contains("--force");
            assertThat(out).hasContent("mine");
        }
        assertThat(Run.of("convert", "--force", mappedRam, out, "--to", "qemu").status())
                .isZero();
        assertThat(Run.of("diff", mappedRam, out).status()).isZero();
    }

    @Test
    void convert_leaves_nothing_behind_when_it_fails() {
        Run run = Run.of("convert", mappedRam, folder.resolve("x"), "--to", "raw", "--block", "none");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("has no block none");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void repair_takes_the_pages_of_a_file_whose_bitmaps_are_empty() throws IOException {
        Path broken = folder.resolve("broken");
        Files.copy(mappedRam, broken);
        clearBitmaps(broken);
        assertThat(Run.of("verify", broken).status()).isEqualTo(ExitStatus.FOUND);
        Path out = folder.resolve("out");
        Run plain = Run.of("convert", broken, out, "--to", "mapped-ram");
        assertThat(plain.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(plain.err()).contains("--repair");
        assertThat(Run.of("convert", "--repair", broken, out, "--to", "mapped-ram")
                        .status())
                .isZero();
        assertThat(Run.of("diff", mappedRam, out).out()).isEqualTo("the same\n");
        assertThat(Run.of("verify", out).out()).contains("whole, 150 pages");
        assertThat(Run.of("convert", "--repair", out, folder.resolve("again"), "--to", "mapped-ram")
                        .err())
                .contains("nothing to repair");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "convert a b --to xen-v4",
                "convert a b --to raw --drop X",
                "inspect a --from xen-sead",
                "convert a b --to nonsense",
                "convert a b",
                "convert a b --to elf --block x",
                "inspect",
                "verify a --max-damages 0",
                "verify a --offset 1X",
                "diff a",
                "nonsense"
            })
    void what_makes_no_sense_is_a_usage_error(String line) {
        Run run = Run.of((Object[]) line.split(" ", -1));
        assertThat(run.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("--help").hasLineCount(2);
    }

    private static void clearBitmaps(Path file) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file);
                FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            for (var block : snapshot.head().layout().blocks()) {
                int lengthBytes = (int) Math.ceilDiv(block.block().pages(), 64) * 8;
                channel.write(ByteBuffer.allocate(lengthBytes), block.header().bitmapOffsetBytes());
            }
        }
    }

    private Path convert(Path in, String name, String format) {
        Path out = folder.resolve(name);
        Run run = Run.of("convert", in, out, "--to", format);
        assertThat(run.err()).isEmpty();
        assertThat(run.status()).isZero();
        return out;
    }

    private static void flip(Path file, long positionBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, positionBytes);
            channel.write(ByteBuffer.wrap(new byte[] {(byte) (one.get(0) ^ 4)}), positionBytes);
        }
    }
}
