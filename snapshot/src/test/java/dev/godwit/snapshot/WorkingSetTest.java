package dev.godwit.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.postcopy.PagePlace;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkingSetTest {

    @TempDir
    private Path folder = Path.of("");

    private Path capture = Path.of("");

    @BeforeEach
    void unpack() throws Exception {
        capture = Captures.unpack("mapped-ram", folder);
    }

    private Snapshot open() throws Exception {
        return Snapshot.open(capture);
    }

    private static PagePlace place(int block, long page) {
        return new PagePlace(block, page);
    }

    @Test
    void what_is_kept_is_found_again_with_what_came_later_behind_it() throws Exception {
        try (Snapshot snapshot = open()) {
            assertThat(WorkingSet.of(snapshot)).isEmpty();
            new WorkingSet(List.of(place(0, 7), place(1, 0))).keep(snapshot);
            WorkingSet more = WorkingSet.of(snapshot).orElseThrow().and(List.of(place(0, 9), place(0, 7)));
            more.keep(snapshot);
            assertThat(WorkingSet.of(snapshot).orElseThrow().pages())
                    .containsExactly(place(0, 7), place(1, 0), place(0, 9));
            assertThat(more.lengthBytes()).isEqualTo(3 * 4096);
        }
        try (var files = Files.list(folder)) {
            assertThat(files).as("the capture and its recording").hasSize(2);
        }
    }

    @Test
    void it_grows_to_its_bound_and_no_further() {
        List<PagePlace> many = LongStream.range(0, WorkingSet.MOST_PAGES + 10)
                .mapToObj(page -> place(0, page))
                .toList();
        assertThat(new WorkingSet(List.of(place(1, 1))).and(many).pages()).hasSize(WorkingSet.MOST_PAGES);
    }

    @Test
    void a_recording_of_another_snapshot_is_not_used() throws Exception {
        Path recording;
        try (Snapshot snapshot = open()) {
            new WorkingSet(List.of(place(0, 7))).keep(snapshot);
            recording = WorkingSet.pathFor(snapshot.path());
        }
        byte[] bytes = Files.readAllBytes(recording);
        bytes[20] ^= 1;
        Files.write(recording, withChecksum(bytes));
        try (Snapshot snapshot = open()) {
            assertThat(WorkingSet.of(snapshot)).isEmpty();
        }
    }

    @Test
    void damage_anywhere_and_pages_that_the_guest_has_not_are_refused() throws Exception {
        Path recording;
        try (Snapshot snapshot = open()) {
            new WorkingSet(List.of(place(0, 7))).keep(snapshot);
            recording = WorkingSet.pathFor(snapshot.path());
        }
        byte[] whole = Files.readAllBytes(recording);
        for (int at = 0; at < whole.length; at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x40;
            assertRefused(recording, damaged);
        }
        byte[] noBlock = whole.clone();
        noBlock[56] = -1;
        assertRefused(recording, withChecksum(noBlock));
        byte[] noPage = whole.clone();
        noPage[60] = 1;
        assertRefused(recording, withChecksum(noPage));
        byte[] manyPages = whole.clone();
        manyPages[52] = 0x7f;
        assertRefused(recording, withChecksum(manyPages));
        assertRefused(recording, new byte[3]);
    }

    private void assertRefused(Path recording, byte[] bytes) throws Exception {
        Files.write(recording, bytes);
        try (Snapshot snapshot = open()) {
            assertThatThrownBy(() -> WorkingSet.of(snapshot)).isInstanceOf(StreamFormatException.class);
        }
    }

    private static byte[] withChecksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, bytes.length - 4);
        ByteBuffer.wrap(bytes).putInt(bytes.length - 4, (int) crc.getValue());
        return bytes;
    }
}
