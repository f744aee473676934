package dev.godwit.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class NativeMemoryTest {

    private static final int PAGE = Host.pageSize();

    @Test
    void bytes_are_filled_copied_compared_loaded_and_stored() throws Exception {
        try (Mapping mapping = Mapping.anonymous(2L * PAGE)) {
            long left = mapping.address();
            long right = left + PAGE;
            NativeMemory.fill(left, 0x5a, PAGE);
            assertThat(NativeMemory.compare(left, right, PAGE)).isEqualTo(1);
            NativeMemory.copy(right, left, PAGE);
            assertThat(NativeMemory.compare(left, right, PAGE)).isZero();
            NativeMemory.store(right + 3, 0x0102030405060708L);
            assertThat(NativeMemory.load(right + 3)).isEqualTo(0x0102030405060708L);
            assertThat(NativeMemory.load(right + 11)).isEqualTo(0x5a5a5a5a5a5a5a5aL);
            assertThat(NativeMemory.compare(left, right, 3)).isZero();
            assertThat(NativeMemory.compare(left, right, -0L)).isZero();
            assertThatThrownBy(() -> NativeMemory.copy(left, right, -1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void memory_that_is_not_there_is_an_error_instead_of_the_end() throws Exception {
        try (Memfd memfd = Memfd.create("guest", PAGE, HugePageSize.NONE);
                Mapping cut = Mapping.of(memfd, 0, 4L * PAGE, Sharing.SHARED, Protection.READ_WRITE);
                Mapping target = Mapping.anonymous(4L * PAGE)) {
            memfd.file().write(0, MemorySegment.ofArray(new byte[] {1, 2, 3}));
            assertThat(ProcessMemory.read(target.address(), cut.address(), 3)).isEqualTo(3);
            assertThat(target.memory().get(JAVA_BYTE, 2)).isEqualTo((byte) 3);
            assertThat(ProcessMemory.read(target.address(), cut.address(), 2L * PAGE))
                    .isEqualTo(PAGE);
            assertThat(ProcessMemory.read(target.address(), cut.address() + 2L * PAGE, 8))
                    .isEqualTo(-Errno.EFAULT.code());
            assertThat(ProcessMemory.write(cut.address() + 2L * PAGE, target.address(), 8))
                    .isEqualTo(-Errno.EFAULT.code());
            assertThat(ProcessMemory.read(target.address(), 1, 8)).isEqualTo(-Errno.EFAULT.code());
        }
    }
}
