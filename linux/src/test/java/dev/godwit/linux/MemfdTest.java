package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class MemfdTest {

    private static final int PAGE = Host.pageSize();

    @Test
    void two_mappings_of_it_are_the_same_memory_and_outlive_it() throws Exception {
        Memfd memfd = Memfd.create("guest", 4L * PAGE, HugePageSize.NONE);
        assertThat(memfd.lengthBytes()).isEqualTo(4L * PAGE);
        try (Mapping first = Mapping.of(memfd, 0, 4L * PAGE, Sharing.SHARED, Protection.READ_WRITE);
                Mapping second = Mapping.of(memfd, PAGE, PAGE, Sharing.SHARED, Protection.READ)) {
            memfd.close();
            first.memory().set(JAVA_BYTE, PAGE + 3L, (byte) 9);
            assertThat(second.memory().get(JAVA_BYTE, 3)).isEqualTo((byte) 9);
        }
    }

    @Test
    void a_punched_hole_reads_as_zero_and_is_found_as_a_hole() throws Exception {
        try (Memfd memfd = Memfd.create("guest", 4L * PAGE, HugePageSize.NONE);
                Mapping mapping = Mapping.of(memfd, 0, 4L * PAGE, Sharing.SHARED, Protection.READ_WRITE)) {
            mapping.memory().fill((byte) 1);
            memfd.punchHole(PAGE, PAGE);
            assertThat(mapping.memory().get(JAVA_BYTE, PAGE)).isZero();
            mapping.advise(Advice.REMOVE, 3L * PAGE, PAGE);
            memfd.punchHole(PAGE, PAGE);
            assertThat(memfd.file().nextHole(0)).isEqualTo(PAGE);
            assertThat(memfd.file().nextData(PAGE)).isEqualTo(2L * PAGE);
            assertThat(memfd.file().nextHole(2L * PAGE)).isEqualTo(3L * PAGE);
        }
    }

    @Test
    void what_is_sealed_stays_forbidden() throws Exception {
        try (Memfd memfd = Memfd.create("guest", 2L * PAGE, HugePageSize.NONE)) {
            memfd.seal(Seal.SHRINK, Seal.GROW);
            assertThat(memfd.seals()).containsExactlyInAnyOrder(Seal.SHRINK, Seal.GROW);
            refused(Errno.EPERM, () -> memfd.truncate(PAGE));
            refused(Errno.EPERM, () -> memfd.truncate(3L * PAGE));
            try (Mapping writable = Mapping.of(memfd, 0, PAGE, Sharing.SHARED, Protection.READ_WRITE)) {
                refused(Errno.EBUSY, () -> memfd.seal(Seal.WRITE));
                assertThat(memfd.seals()).doesNotContain(Seal.WRITE);
                memfd.seal(Seal.FUTURE_WRITE);
                writable.memory().set(JAVA_BYTE, 0, (byte) 4);
            }
            memfd.seal(Seal.WRITE, Seal.SEAL);
            refused(Errno.EPERM, () -> Mapping.of(memfd, 0, PAGE, Sharing.SHARED, Protection.READ_WRITE));
            refused(Errno.EPERM, () -> memfd.file().write(0, MemorySegment.ofArray(new byte[1])));
            refused(Errno.EPERM, () -> memfd.seal(Seal.GROW));
            try (Mapping readable = Mapping.of(memfd, 0, PAGE, Sharing.SHARED, Protection.READ)) {
                assertThat(readable.memory().get(JAVA_BYTE, 0)).isEqualTo((byte) 4);
            }
        }
    }

    @Test
    void what_is_no_memory_file_is_not_adopted_and_closed() throws Exception {
        Descriptor event = EventFd.create().descriptor();
        refused(Errno.EINVAL, () -> Memfd.adopt(event, HugePageSize.NONE));
        assertThat(event.isClosed()).isTrue();
    }

    @Test
    void names_and_lengths_that_the_kernel_would_twist_are_refused() {
        assertThatThrownBy(() -> Memfd.create("a/b", 0, HugePageSize.NONE))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Memfd.create("a\0b", 0, HugePageSize.NONE))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Memfd.create("a".repeat(250), 0, HugePageSize.NONE))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Memfd.create("a", PAGE, HugePageSize.MIB_2))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void one_of_huge_pages_is_mapped_and_punched_by_whole_pages() throws Exception {
        long huge = HugePageSize.MIB_2.pageBytes();
        try (HugePool pool = HugePool.with(2);
                Memfd memfd = Memfd.create("guest", 2 * huge, HugePageSize.MIB_2);
                Mapping mapping = Mapping.of(memfd, 0, 2 * huge, Sharing.SHARED, Protection.READ_WRITE)) {
            mapping.memory().fill((byte) 1);
            assertThatThrownBy(() -> memfd.punchHole(PAGE, PAGE)).isInstanceOf(IllegalArgumentException.class);
            memfd.punchHole(huge, huge);
            assertThat(mapping.memory().get(JAVA_BYTE, huge)).isZero();
            assertThat(mapping.memory().get(JAVA_BYTE, huge - 1)).isEqualTo((byte) 1);
            assertThat(pool).isNotNull();
        }
    }

    private static void refused(Errno errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        LinuxException.class, e -> assertThat(e.errno()).isEqualTo(errno));
    }
}
