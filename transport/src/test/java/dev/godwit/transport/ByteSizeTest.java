package dev.godwit.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "512, 512",
        "512B, 512",
        "1k, 1024",
        "64K, 65536",
        "1.5M, 1572864",
        "2GiB, 2147483648",
        "2GB, 2147483648",
        "1T, 1099511627776",
        "0xff, 255"
    })
    void a_size_is_a_number_with_a_suffix(String text, long bytes) {
        assertThat(ByteSize.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "K",
                "-1",
                "1.K",
                "0.3",
                "1X",
                "1KK",
                "0x",
                "0x-1",
                "0xffffffffffffffff",
                "8E",
                "1e9",
                "1 K",
                "99999999999999999999999999999999999"
            })
    void what_is_no_size_is_refused(String text) {
        assertThatThrownBy(() -> ByteSize.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "1023, 1023 B",
        "1024, 1.0 KiB",
        "1048575, 1023.9 KiB",
        "1610612736, 1.5 GiB",
        "9223372036854775807, 7.9 EiB"
    })
    void a_size_is_shown_with_one_decimal_at_most(long bytes, String text) {
        assertThat(ByteSize.format(bytes)).isEqualTo(text);
    }
}
