package dev.godwit.linux.calls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ArchitectureTest {

    @Test
    void the_processors_are_known_by_javas_names_for_them() {
        assertThat(Architecture.of("amd64")).isEqualTo(Architecture.X86_64);
        assertThat(Architecture.of("aarch64")).isEqualTo(Architecture.AARCH64);
    }

    @Test
    void another_processor_is_refused_by_its_name() {
        assertThatThrownBy(() -> Architecture.of("riscv64"))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("riscv64");
    }

    /** {@code arch/arm64/include/uapi/asm/fcntl.h}: O_DIRECTORY 040000, O_DIRECT 0200000, both unlike x86. */
    @Test
    void the_open_flags_of_aarch64_are_not_those_of_x86() {
        assertThat(FileCalls.O_DIRECT).isEqualTo(Architecture.choose(040000, 0200000));
        assertThat(FileCalls.O_TMPFILE & ~020000000).isEqualTo(Architecture.choose(0200000, 040000));
    }
}
