package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenFileTest {

    @TempDir
    Path folder;

    @Test
    void what_is_written_is_read_back_and_the_end_ends_a_read() throws Exception {
        try (OpenFile file = create("a")) {
            file.write(4096, MemorySegment.ofArray(new byte[] {1, 2, 3}));
            byte[] target = new byte[8];
            assertThat(file.read(4095, MemorySegment.ofArray(target))).isEqualTo(4);
            assertThat(target).containsExactly(0, 1, 2, 3, 0, 0, 0, 0);
            assertThat(file.status().lengthBytes()).isEqualTo(4099);
        }
    }

    @Test
    void a_new_file_is_its_users_alone() throws Exception {
        create("a").close();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("a"))))
                .isEqualTo("rw-------");
    }

    @Test
    void a_file_without_a_name_is_seen_by_nobody() throws Exception {
        try (OpenFile file = OpenFile.open(folder, OpenFlag.NAMELESS)) {
            file.write(0, MemorySegment.ofArray(new byte[] {1}));
            assertThat(file.status().links()).isZero();
            assertThat(folder).isEmptyDirectory();
        }
    }

    @Test
    void a_file_that_is_there_is_not_made_again() throws Exception {
        create("a").close();
        assertThatThrownBy(() -> create("a"))
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST))
                .hasMessageContaining("open " + folder.resolve("a"))
                .hasMessageContaining("File exists");
    }

    @Test
    void a_punched_hole_reads_as_zero_and_is_found() throws Exception {
        try (OpenFile file = create("a");
                Arena arena = Arena.ofConfined()) {
            file.write(0, arena.allocate(1 << 20, 4096).fill((byte) 7));
            file.punchHole(4096, 1 << 19);
            assertThat(file.nextHole(0)).isEqualTo(4096);
            assertThat(file.nextData(4096)).isEqualTo(4096 + (1 << 19));
            assertThat(file.nextData(1 << 20)).isEqualTo(-1);
            byte[] target = new byte[2];
            file.read(4095, MemorySegment.ofArray(target));
            assertThat(target).containsExactly(7, 0);
            file.truncate(1 << 21);
            assertThat(file.nextData(1 << 20)).isEqualTo(-1);
            assertThat(file.status().allocatedBytes()).isLessThan(1 << 20);
            file.syncContent();
        }
        try (OpenFile names = OpenFile.open(folder)) {
            names.sync();
        }
    }

    @Test
    void a_locked_file_is_locked_for_others_until_it_is_closed() throws Exception {
        OpenFile first = create("a");
        try (OpenFile second = OpenFile.open(folder.resolve("a"), OpenFlag.WRITE)) {
            assertThat(first.tryLock()).isTrue();
            assertThat(second.tryLock()).isFalse();
            first.close();
            assertThat(second.tryLock()).isTrue();
        }
    }

    @Test
    void a_closed_file_answers_so_and_may_be_closed_again() throws Exception {
        OpenFile file = create("a");
        file.close();
        assertThatThrownBy(file::status).hasMessageContaining("closed").hasMessageContaining("errno 9");
        file.close();
        assertThatThrownBy(file::status).isInstanceOf(LinuxException.class);
    }

    private OpenFile create(String name) throws LinuxException {
        return OpenFile.open(folder.resolve(name), OpenFlag.CREATE_NEW);
    }
}
