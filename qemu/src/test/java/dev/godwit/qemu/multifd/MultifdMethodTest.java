package dev.godwit.qemu.multifd;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.util.Native;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MultifdMethodTest {

    @ParameterizedTest
    @EnumSource
    void a_method_can_be_prepared_and_prepared_again(MultifdMethod method) {
        method.prepare();
        method.prepare();
        assertThat(MultifdMethod.ofName(MultifdMethod.describe(method.flag()))).contains(method);
    }

    @Test
    void the_library_of_zstd_is_loaded_once_it_is_prepared() {
        MultifdMethod.ZSTD.prepare();
        assertThat(Native.isLoaded()).isTrue();
    }
}
