package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MappingTest {

    private static final int PAGE = Host.pageSize();

    @Test
    void more_than_two_gibibytes_are_one_segment_that_takes_no_room() throws Exception {
        long length = 5L << 30;
        try (Mapping mapping = Mapping.anonymous(length)) {
            assertThat(mapping.memory().byteSize())
                    .isEqualTo(mapping.lengthBytes())
                    .isEqualTo(length);
            assertThat(mapping.address() % (2 << 20)).isZero();
            mapping.memory().set(JAVA_LONG, length - 8, 7);
            assertThat(mapping.memory().get(JAVA_LONG, length - 8)).isEqualTo(7);
            assertThat(mapping.memory().get(JAVA_LONG, 3L << 30)).isZero();
        }
    }

    @Test
    void discarded_memory_reads_as_zero_again() throws Exception {
        try (Mapping mapping = Mapping.anonymous(4L * PAGE)) {
            mapping.memory().fill((byte) 1);
            mapping.advise(Advice.DONTNEED, PAGE, 2L * PAGE);
            assertThat(mapping.memory().get(JAVA_BYTE, PAGE - 1)).isEqualTo((byte) 1);
            assertThat(mapping.memory().get(JAVA_BYTE, PAGE)).isZero();
            assertThat(mapping.memory().get(JAVA_BYTE, 3L * PAGE - 1)).isZero();
            assertThat(mapping.memory().get(JAVA_BYTE, 3L * PAGE)).isEqualTo((byte) 1);
        }
    }

    @Test
    void populated_memory_is_present_and_advice_outside_is_refused() throws Exception {
        try (Mapping mapping = Mapping.anonymous(8L * PAGE);
                PagemapScan scan = PagemapScan.open(8)) {
            mapping.advise(Advice.NOHUGEPAGE);
            mapping.advise(Advice.POPULATE_WRITE, 2L * PAGE, 3L * PAGE);
            long end = mapping.address() + mapping.lengthBytes();
            assertThat(scan.scan(mapping.address(), end, PagemapScan.Query.of(PageCategory.PRESENT)))
                    .isEqualTo(1);
            assertThat(scan.start(0)).isEqualTo(mapping.address() + 2L * PAGE);
            assertThat(scan.end(0)).isEqualTo(mapping.address() + 5L * PAGE);
            assertThatThrownBy(() -> mapping.advise(Advice.DONTNEED, PAGE, 8L * PAGE))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void what_is_protected_cannot_be_written_by_the_kernel_either() throws Exception {
        try (Mapping mapping = Mapping.anonymous(2L * PAGE);
                Mapping source = Mapping.anonymous(PAGE)) {
            mapping.protect(Protection.READ, 0, PAGE);
            assertThat(ProcessMemory.write(mapping.address(), source.address(), 8))
                    .isEqualTo(-Errno.EFAULT.code());
            assertThat(ProcessMemory.write(mapping.address() + PAGE, source.address(), 8))
                    .isEqualTo(8);
            mapping.protect(Protection.READ_WRITE, 0, PAGE);
            assertThat(ProcessMemory.write(mapping.address(), source.address(), 8))
                    .isEqualTo(8);
        }
    }

    @Test
    void locked_memory_is_present_until_it_is_unlocked_and_discarded() throws Exception {
        try (Mapping mapping = Mapping.anonymous(4L * PAGE)) {
            mapping.lock(0, 2L * PAGE);
            assertThatThrownBy(() -> mapping.advise(Advice.DONTNEED, 0, PAGE))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
            mapping.unlock(0, 2L * PAGE);
            mapping.advise(Advice.DONTNEED, 0, PAGE);
        }
    }

    @Test
    void a_shared_mapping_writes_the_file_and_a_private_one_does_not(@TempDir Path folder) throws Exception {
        try (OpenFile file = OpenFile.open(folder.resolve("a"), OpenFlag.CREATE_NEW)) {
            file.truncate(2L * PAGE);
            try (Mapping shared = Mapping.ofFile(file, PAGE, PAGE, Sharing.SHARED, Protection.READ_WRITE);
                    Mapping own = Mapping.ofFile(file, PAGE, PAGE, Sharing.PRIVATE, Protection.READ_WRITE)) {
                shared.memory().set(JAVA_BYTE, 1, (byte) 5);
                assertThat(own.memory().get(JAVA_BYTE, 1)).isEqualTo((byte) 5);
                own.memory().set(JAVA_BYTE, 1, (byte) 6);
                byte[] read = new byte[1];
                file.read(PAGE + 1, MemorySegment.ofArray(read));
                assertThat(read).containsExactly(5);
            }
        }
    }

    @Test
    void what_was_opened_for_reading_is_not_mapped_for_writing(@TempDir Path folder) throws Exception {
        OpenFile.open(folder.resolve("a"), OpenFlag.CREATE_NEW).close();
        try (OpenFile file = OpenFile.open(folder.resolve("a"))) {
            assertThatThrownBy(() -> Mapping.ofFile(file, 0, PAGE, Sharing.SHARED, Protection.READ_WRITE))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EACCES));
        }
    }

    @Test
    void a_closed_mapping_is_of_no_use_and_may_be_closed_again() throws Exception {
        Mapping mapping = Mapping.anonymous(PAGE);
        long address = mapping.address();
        mapping.close();
        mapping.close();
        assertThatThrownBy(mapping::memory).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> mapping.advise(Advice.DONTNEED)).isInstanceOf(IllegalStateException.class);
        assertThat(address).isPositive();
    }

    @Test
    void lengths_that_are_no_pages_are_refused() {
        assertThatThrownBy(() -> Mapping.anonymous(PAGE + 1L)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Mapping.anonymous(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Mapping.anonymous(PAGE, HugePageSize.MIB_2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2097152");
    }

    @Test
    void more_memory_than_there_are_addresses_is_refused_with_the_kernels_word() {
        assertThatThrownBy(() -> Mapping.anonymous(1L << 60))
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
    }

    @Test
    void huge_pages_are_had_from_the_pool_and_may_be_shared() throws Exception {
        try (HugePool pool = HugePool.with(4)) {
            try (Mapping mapping = Mapping.anonymous(8 << 20, HugePageSize.MIB_2);
                    PagemapScan scan = PagemapScan.open(8)) {
                mapping.memory().fill((byte) 3);
                long end = mapping.address() + mapping.lengthBytes();
                var query = PagemapScan.Query.of(PageCategory.PRESENT, PageCategory.HUGE);
                assertThat(scan.scanAll(mapping.address(), end, query, (from, to, kinds) -> {}))
                        .isEqualTo(8 << 20);
            }
            try (Mapping shared = Mapping.anonymousShared(2 << 20, HugePageSize.MIB_2)) {
                shared.memory().set(JAVA_BYTE, 0, (byte) 1);
            }
            assertThat(pool).isNotNull();
        }
    }
}
