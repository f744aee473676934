package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerificationTest {

    @TempDir
    static Path folder;

    private static Path file;
    private static Trailer trailer;
    private static long lengthBytes;

    @BeforeAll
    static void write_a_snapshot() throws Exception {
        file = Captures.rewritten("mapped-ram", folder);
        try (Snapshot snapshot = Snapshot.open(file)) {
            trailer = snapshot.trailer().orElseThrow();
            lengthBytes = snapshot.lengthBytes();
        }
    }

    @Test
    void a_whole_snapshot_is_whole() throws Exception {
        VerificationReport report = Verification.of(file, Progress.NONE);
        assertThat(report.damages()).isEmpty();
        assertThat(report.isWhole()).isTrue();
        assertThat(report.scope()).isEqualTo(VerificationReport.Scope.EVERY_BYTE);
        assertThat(report.checkedPages()).isEqualTo(report.presentPages()).isEqualTo(150);
    }

    @ParameterizedTest
    @ValueSource(strings = {"mapped-ram-multifd", "precopy-pc"})
    void a_foreign_file_is_checked_for_its_structure_only(String name, @TempDir Path own) throws Exception {
        VerificationReport report = Verification.of(Captures.unpack(name, own), Progress.NONE);
        assertThat(report.isWhole()).isTrue();
        assertThat(report.scope()).isEqualTo(VerificationReport.Scope.STRUCTURE);
        assertThat(report.checkedPages()).isZero();
    }

    @Test
    void a_file_that_qemus_background_snapshot_left_empty_is_recognised(@TempDir Path own) throws Exception {
        Path empty = Captures.unpack("mapped-ram", own);
        try (Snapshot snapshot = Snapshot.open(empty);
                FileChannel channel = FileChannel.open(empty, StandardOpenOption.WRITE)) {
            for (MappedRamBlock block : snapshot.head().layout().blocks()) {
                channel.write(
                        ByteBuffer.allocate((int) block.bitmapLengthBytes()),
                        block.header().bitmapOffsetBytes());
            }
        }
        assertThat(Verification.of(empty, Progress.NONE).damages())
                .singleElement()
                .isInstanceOf(Damage.BitmapsNeverWritten.class);
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3})
    void one_flipped_bit_anywhere_is_found_and_located(long seed) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        for (long position : positions(random)) {
            int bit = 1 << random.nextInt(8);
            flip(position, bit);
            try {
                List<Damage> damages = Verification.of(file, Progress.NONE).damages();
                assertThat(damages).as("bit %d of byte %d", bit, position).isNotEmpty();
                assertThat(damages)
                        .as("bit %d of byte %d", bit, position)
                        .anyMatch(damage -> isThere(damage, position));
                openMayOnlyRefuse();
            } finally {
                flip(position, bit);
            }
        }
        assertThat(Verification.of(file, Progress.NONE).isWhole()).isTrue();
    }

    /** Some of every kind of place, and some of anywhere. */
    private static List<Long> positions(SplittableRandom random) {
        List<Long> positions = new ArrayList<>();
        for (FilePart part : trailer.parts()) {
            for (int i = 0; i < 3; i++) {
                positions.add(part.positionBytes() + random.nextLong(part.lengthBytes()));
            }
        }
        for (MappedRamBlock block : trailer.blocks()) {
            for (int i = 0; i < 5; i++) {
                positions.add(block.header().pagesOffsetBytes()
                        + random.nextLong(block.block().lengthBytes()));
                positions.add(block.bitmapEndBytes()
                        + random.nextLong(block.header().pagesOffsetBytes() - block.bitmapEndBytes()));
            }
        }
        // filled pages of the firmware, by its source
        for (int i = 0; i < 20; i++) {
            positions.add(
                    trailer.blocks().getFirst().header().pagesOffsetBytes() + random.nextLong(0x200000, 0x280000));
        }
        for (int i = 0; i < 60; i++) {
            positions.add(random.nextLong(trailer.positionBytes(), lengthBytes));
        }
        for (int i = 0; i < 20; i++) {
            positions.add(random.nextLong(lengthBytes));
        }
        return positions;
    }

    @Test
    void every_byte_of_the_trailers_start_first_header_and_footer_is_guarded() throws Exception {
        List<Long> positions = new ArrayList<>();
        for (long at = 0; at < TrailerFormat.START_BYTES + TrailerFormat.HEADER_BYTES; at++) {
            positions.add(trailer.positionBytes() + at);
        }
        for (long at = lengthBytes - TrailerFormat.FOOTER_BYTES; at < lengthBytes; at++) {
            positions.add(at);
        }
        for (long position : positions) {
            flip(position, 0x10);
            try {
                assertThat(Verification.of(file, Progress.NONE).damages())
                        .as("byte %d", position)
                        .anyMatch(damage -> damage instanceof Damage.InTrailer);
            } finally {
                flip(position, 0x10);
            }
        }
    }

    @Test
    void every_byte_of_head_and_first_entry_is_guarded() throws Exception {
        FilePart bitmap = trailer.parts().get(2);
        assertThat(bitmap.kind()).isEqualTo(FilePart.Kind.BITMAP);
        for (long position = 0; position < bitmap.positionBytes(); position++) {
            flip(position, 0x01);
            try {
                assertThat(Verification.of(file, Progress.NONE).damages())
                        .as("byte %d", position)
                        .anyMatch(damage -> damage instanceof Damage.Header);
                openMayOnlyRefuse();
            } finally {
                flip(position, 0x01);
            }
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2})
    void a_file_that_was_cut_off_is_never_whole(long seed, @TempDir Path own) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        List<Long> lengths = new ArrayList<>(List.of(0L, 7L, 8L, trailer.positionBytes() + 5, lengthBytes - 1));
        for (int i = 0; i < 40; i++) {
            lengths.add(random.nextLong(trailer.positionBytes() + 17, lengthBytes));
            lengths.add(random.nextLong(trailer.positionBytes()));
            lengths.add(random.nextLong(trailer.blocks().getLast().pagesEndBytes(), trailer.positionBytes()));
        }
        lengths.sort(java.util.Comparator.reverseOrder());
        Path cut = own.resolve("cut");
        Captures.copy(file, cut);
        for (long length : lengths) {
            try (FileChannel channel = FileChannel.open(cut, StandardOpenOption.WRITE)) {
                channel.truncate(length);
            }
            boolean whole;
            try {
                VerificationReport report = Verification.of(cut, Progress.NONE);
                whole = report.isWhole() && report.scope() == VerificationReport.Scope.EVERY_BYTE;
            } catch (StreamFormatException _) {
                whole = false;
            }
            assertThat(whole).as("cut to %d bytes", length).isFalse();
        }
    }

    @Test
    void a_format_of_a_later_version_is_refused_by_name(@TempDir Path own) throws Exception {
        Path later = own.resolve("later");
        Captures.copy(file, later);
        try (FileChannel channel = FileChannel.open(later, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer footer = ByteBuffer.allocate(TrailerFormat.FOOTER_BYTES);
            channel.read(footer, lengthBytes - TrailerFormat.FOOTER_BYTES);
            footer.putInt(8, 2).putInt(68, TrailerWriter.crc32c(footer.array(), 68));
            channel.write(footer.flip(), lengthBytes - TrailerFormat.FOOTER_BYTES);
        }
        assertThatThrownBy(() -> Snapshot.open(later))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("version 2");
    }

    private static void openMayOnlyRefuse() throws IOException {
        try (Snapshot snapshot = Snapshot.open(file)) {
            assertThat(snapshot.layout().blocks()).isNotEmpty();
        } catch (StreamFormatException e) {
            assertThat(e.positionBytes()).isNotNegative();
        }
    }

    private static boolean isThere(Damage damage, long position) {
        if (position >= trailer.positionBytes()) {
            return damage instanceof Damage.InTrailer;
        }
        for (FilePart part : trailer.parts()) {
            if (position >= part.positionBytes() && position < part.endBytes()) {
                return damage.positionBytes() == part.positionBytes()
                        && switch (part.kind()) {
                            case HEAD, BLOCK_ENTRY, RAM_END, EOF -> damage instanceof Damage.Header;
                            case BITMAP -> damage instanceof Damage.Bitmap;
                            case DEVICE -> damage instanceof Damage.DeviceSection;
                            case VMDESCRIPTION -> damage instanceof Damage.VmDescription;
                        };
            }
        }
        return switch (damage) {
            case Damage.Page page -> page.positionBytes() == position - position % 4096;
            case Damage.StalePage page -> page.positionBytes() == position - position % 4096;
            case Damage.Structure structure -> structure.positionBytes() == position;
            default -> false;
        };
    }

    private static void flip(long position, int bits) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, position);
            one.put(0, (byte) (one.get(0) ^ bits));
            channel.write(one.flip(), position);
        }
        assertThat(Files.size(file)).isEqualTo(lengthBytes);
    }
}
