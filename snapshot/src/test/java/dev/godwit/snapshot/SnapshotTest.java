package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteOutput;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.Sections;
import dev.godwit.qemu.VmState;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SnapshotTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"mapped-ram,0", "mapped-ram-multifd,0", "mapped-ram-offset,4096"})
    void a_mapped_ram_file_of_qemu_is_read_as_its_manifest_says(String name, long startBytes) throws Exception {
        try (Snapshot snapshot = Snapshot.open(Captures.unpack(name, folder), startBytes, Progress.NONE)) {
            assertThat(snapshot.kind()).isEqualTo(Snapshot.Kind.MAPPED_RAM);
            assertThat(snapshot.trailer()).isEmpty();
            assertThat(snapshot.layout().blocks()).hasSize(6);
            assertThat(Captures.sha256(snapshot, "pc.ram")).isEqualTo(Captures.PC_RAM_SHA256);
            assertThat(snapshot.vmState().configuration().machineType()).isEqualTo("pc-i440fx-10.0");
            assertThat(snapshot.vmState().sections())
                    .hasSize(31)
                    .last()
                    .extracting(Section::name)
                    .isEqualTo("globalstate");
            assertThat(snapshot.vmState().vmdescription().orElseThrow()).hasSize(99779);
        }
    }

    @Test
    void a_classic_stream_is_read_like_any_other_and_leaves_nothing_behind() throws Exception {
        Path file = Captures.unpack("precopy-pc", folder);
        try (Snapshot snapshot = Snapshot.open(file)) {
            assertThat(snapshot.kind()).isEqualTo(Snapshot.Kind.QEMU_STREAM);
            assertThat(Captures.sha256(snapshot, "pc.ram")).isEqualTo(Captures.PC_RAM_SHA256);
            assertThat(folder.toFile().list())
                    .containsExactly(file.getFileName().toString());
            assertThat(snapshot.present(0).setPages()).isEqualTo(144);
            assertThat(snapshot.lengthBytes()).isEqualTo(Files.size(file));
        }
    }

    @Test
    void what_is_written_is_read_back_the_same() throws Exception {
        Path target = folder.resolve("snap");
        try (Snapshot source = Snapshot.open(Captures.unpack("mapped-ram", folder))) {
            Captures.rewrite(source, target);
            try (Snapshot copy = Snapshot.open(target)) {
                assertThat(copy.kind()).isEqualTo(Snapshot.Kind.GODWIT);
                assertThat(copy.trailerDamages()).isEmpty();
                Trailer trailer = copy.trailer().orElseThrow();
                assertThat(trailer.machineType()).isEqualTo("pc-i440fx-10.0");
                assertThat(trailer.facts()).isEqualTo(Captures.FACTS);
                assertThat(copy.layout().blocks()).isEqualTo(source.layout().blocks());
                for (var block : source.layout().blocks()) {
                    assertThat(Captures.sha256(copy, block.id())).isEqualTo(Captures.sha256(source, block.id()));
                }
                assertThat(copy.present(0).setPages()).isEqualTo(144);
                assertThat(copy.allocatedBytes()).isLessThan(2 << 20);
                assertSameSections(copy, source);
            }
        }
        assertThat(folder).isDirectoryNotContaining("glob:**godwit-part*");
    }

    @Test
    void without_its_trailer_the_same_file_is_a_mapped_ram_file_of_anybody() throws Exception {
        Path target = folder.resolve("snap");
        try (Snapshot source = Snapshot.open(Captures.unpack("mapped-ram", folder))) {
            Captures.rewrite(source, target);
            long trailerAt;
            try (Snapshot copy = Snapshot.open(target)) {
                trailerAt = copy.trailer().orElseThrow().positionBytes();
            }
            try (var channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
                channel.truncate(trailerAt);
            }
            try (Snapshot copy = Snapshot.open(target)) {
                assertThat(copy.kind()).isEqualTo(Snapshot.Kind.MAPPED_RAM);
                assertSameSections(copy, source);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"q35-many-devices", "precopy-uuid", "precopy-72", "bgsnap-live", "xbzrle", "vmdesc-dupkeys"})
    void a_classic_stream_becomes_a_snapshot_and_reads_the_same_with_and_without_trailer(String name) throws Exception {
        Path target = folder.resolve("snap");
        try (Snapshot source = Snapshot.open(Captures.unpack(name, folder))) {
            Captures.rewrite(source, target);
            long trailerAt;
            try (Snapshot copy = Snapshot.open(target)) {
                trailerAt = copy.trailer().orElseThrow().positionBytes();
                assertSameSections(copy, source);
                assertThat(Captures.sha256(copy, "pc.ram")).isEqualTo(Captures.sha256(source, "pc.ram"));
            }
            assertThat(Verification.of(target, Progress.NONE).damages()).isEmpty();
            try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
                channel.truncate(trailerAt);
            }
            try (Snapshot copy = Snapshot.open(target)) {
                assertSameSections(copy, source);
            }
        }
    }

    @Test
    void dirty_bitmaps_that_nothing_describes_read_the_same_with_and_without_trailer() throws Exception {
        Path target = folder.resolve("snap");
        try (Snapshot source = Snapshot.open(Captures.unpack("dirty-bitmaps", folder))) {
            Captures.rewrite(source, target);
            long trailerAt;
            try (Snapshot copy = Snapshot.open(target)) {
                assertSameSections(copy, source);
                trailerAt = copy.trailer().orElseThrow().positionBytes();
            }
            try (FileChannel channel = FileChannel.open(target, StandardOpenOption.WRITE)) {
                channel.truncate(trailerAt);
            }
            try (Snapshot copy = Snapshot.open(target)) {
                assertSameSections(copy, source);
            }
        }
    }

    @ParameterizedTest(name = "{0}: {1} sections of dirty bitmaps, {2} early devices")
    @CsvSource({"mapped-ram-bitmaps,2,0", "mapped-ram-virtio-mem,2,2"})
    void bitmaps_and_early_devices_of_a_mapped_ram_file_are_read_and_kept(String name, int bitmaps, int early)
            throws Exception {
        Path file = Captures.unpack(name, folder);
        Path target = folder.resolve("snap");
        try (Snapshot source = Snapshot.open(file)) {
            List<Section> sections = source.vmState().sections();
            assertThat(sections)
                    .filteredOn(section -> section.idstr().equals("dirty-bitmap"))
                    .hasSize(bitmaps);
            assertThat(sections)
                    .filteredOn(section -> section.setup() && section.type() == SectionType.FULL)
                    .hasSize(early)
                    .allSatisfy(section -> assertThat(section.idstr()).endsWith("virtio-mem-device-early"));
            assertEndIsThatOf(file, source.vmState());
            assertThat(Verification.of(file, Progress.NONE).damages()).isEmpty();
            Captures.rewrite(source, target);
            try (Snapshot copy = Snapshot.open(target)) {
                assertSameSections(copy, source);
                for (int block = 0; block < source.layout().blocks().size(); block++) {
                    String id = source.layout().block(block).id();
                    assertThat(Captures.sha256(copy, id)).isEqualTo(Captures.sha256(source, id));
                }
            }
            assertThat(Verification.of(target, Progress.NONE).damages()).isEmpty();
        }
    }

    /** Written again, the devices, EOF and vmdescription are the last bytes of the file. */
    private static void assertEndIsThatOf(Path file, VmState state) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteOutput output = new ByteOutput(Channels.newChannel(bytes));
        for (Section section : state.sections()) {
            if (!section.setup() && section.type() == SectionType.FULL) {
                Sections.write(output, section);
            }
        }
        byte[] json = state.vmdescription().orElseThrow();
        output.u8(SectionType.EOF.wireByte());
        output.u8(SectionType.VMDESCRIPTION.wireByte());
        output.u32(json.length);
        output.write(json);
        output.flush();
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer end = ByteBuffer.allocate(bytes.size());
            channel.read(end, channel.size() - bytes.size());
            assertThat(end.array()).isEqualTo(bytes.toByteArray());
        }
    }

    @Test
    void a_file_that_is_no_migration_is_refused_with_what_it_starts_with() throws Exception {
        Path file = Files.writeString(folder.resolve("x"), "not a snapshot at all");
        assertThatThrownBy(() -> Snapshot.open(file))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("QEVM")
                .hasMessageContaining("0x6e6f7420");
    }

    private static void assertSameSections(Snapshot copy, Snapshot source) {
        assertThat(copy.vmState().sections()).hasSameSizeAs(source.vmState().sections());
        for (int i = 0; i < source.vmState().sections().size(); i++) {
            Section expected = source.vmState().sections().get(i);
            Section found = copy.vmState().sections().get(i);
            assertThat(found.payload()).isEqualTo(expected.payload());
            assertThat(found.name()).isEqualTo(expected.name());
            assertThat(found.sectionId()).isEqualTo(expected.sectionId());
            assertThat(found.versionId()).isEqualTo(expected.versionId());
            assertThat(found.setup()).isEqualTo(expected.setup());
        }
        assertThat(copy.vmState().vmdescription().orElseThrow())
                .isEqualTo(source.vmState().vmdescription().orElseThrow());
    }
}
