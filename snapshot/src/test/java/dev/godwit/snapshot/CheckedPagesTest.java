package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.StreamFormatException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckedPagesTest {

    @TempDir
    private Path folder = Path.of("");

    private Path file = Path.of("");

    @BeforeEach
    void write_a_snapshot() throws Exception {
        file = Captures.rewritten("mapped-ram", folder);
    }

    private void flip(long positionBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, positionBytes);
            channel.write(ByteBuffer.wrap(new byte[] {(byte) (one.get(0) ^ 4)}), positionBytes);
        }
    }

    private static void readAround(RamSource ram, long page) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            ram.read(0, (page - 1) * 4096, arena.allocate(3 * 4096));
        }
    }

    @Test
    void all_pages_of_a_whole_snapshot_read_as_they_do_unchecked() throws Exception {
        try (Snapshot snapshot = Snapshot.open(file);
                Arena arena = Arena.ofConfined()) {
            RamSource checked = snapshot.checked();
            for (int block = 0; block < snapshot.layout().blocks().size(); block++) {
                long bytes = snapshot.layout().block(block).lengthBytes();
                MemorySegment ours = arena.allocate(bytes);
                MemorySegment theirs = arena.allocate(bytes);
                checked.read(block, 0, ours);
                snapshot.read(block, 0, theirs);
                assertThat(ours.mismatch(theirs)).isEqualTo(-1);
            }
        }
    }

    @Test
    void a_page_with_another_content_is_refused_when_it_is_read_and_not_before() throws Exception {
        long page;
        try (Snapshot snapshot = Snapshot.open(file)) {
            page = snapshot.present(0).nextSet(4);
            flip(snapshot.head().layout().blocks().get(0).header().pagesOffsetBytes() + page * 4096 + 99);
        }
        try (Snapshot snapshot = Snapshot.open(file)) {
            RamSource checked = snapshot.checked();
            readAround(checked, page - 2);
            assertThatThrownBy(() -> readAround(checked, page))
                    .isInstanceOf(StreamFormatException.class)
                    .hasMessageContaining("page 0x%x of block pc.ram".formatted(page * 4096));
        }
    }

    @Test
    void a_bitmap_that_was_changed_is_refused_at_once() throws Exception {
        try (Snapshot snapshot = Snapshot.open(file)) {
            flip(snapshot.head().layout().blocks().get(0).header().bitmapOffsetBytes() + 1);
        }
        try (Snapshot snapshot = Snapshot.open(file)) {
            assertThatThrownBy(snapshot::checked)
                    .isInstanceOf(StreamFormatException.class)
                    .hasMessageContaining("checksum");
        }
    }
}
