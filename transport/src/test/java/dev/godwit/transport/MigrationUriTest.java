package dev.godwit.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MigrationUriTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tcp:127.0.0.1:4444",
                "tcp::4444",
                "tcp:[::1]:0",
                "unix:/run/vm.sock",
                "fd:3",
                "exec:cat >x, y",
                "file:/a/b",
                "file:a,offset=4096"
            })
    void the_text_comes_back(String text) {
        assertThat(MigrationUri.parse(text)).hasToString(text);
    }

    @Test
    void an_ipv6_address_stands_in_brackets() {
        assertThat(MigrationUri.parse("tcp:[fe80::1]:70")).isEqualTo(new MigrationUri.Tcp("fe80::1", 70));
    }

    @ParameterizedTest
    @CsvSource({"0x1000, 4096", "4K, 4096", "1M, 1048576", "12, 12"})
    void an_offset_may_be_hexadecimal_or_have_a_suffix(String offset, long expected) {
        assertThat(MigrationUri.parse("file:/x,offset=" + offset))
                .isEqualTo(new MigrationUri.OfFile(Path.of("/x"), expected));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "tcp",
                "tcp:",
                "tcp:host",
                "tcp:host:",
                "tcp:::1:4",
                "tcp:h:65536",
                "tcp:h:99999999999",
                "tcp:h:-1",
                "tcp:h:1,to=3",
                "unix:",
                "unix:\0",
                "fd:",
                "fd:name",
                "fd:-1",
                "fd:99999999999",
                "exec:",
                "file:",
                "file:x,offset=",
                "file:x,offset=-1",
                "file:x,offset=9E",
                "file:,offset=1",
                "rdma:h:1",
                "/path/only"
            })
    void what_is_no_uri_is_refused_with_a_message(String text) {
        assertThatThrownBy(() -> MigrationUri.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .isNotBlank();
    }
}
