package dev.godwit.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonValueTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":[1,-2.50e+3,true,false,null,{}],\"b\":\"\"}",
                "18446744073709551615",
                "\"quote \\\" backslash \\\\ line \\u000a\"",
                "[]"
            })
    void what_is_read_is_written_again_unchanged(String text) throws Exception {
        assertThat(JsonValue.parse(text)).hasToString(text);
    }

    @Test
    void characters_outside_the_basic_plane_survive() throws Exception {
        JsonString string = new JsonString("\ud83d\udc26 \ud83d alone");
        assertThat(JsonValue.parse(string.toString())).isEqualTo(string);
    }

    @Test
    void members_are_found_by_their_kind() throws Exception {
        JsonObject object =
                (JsonObject) JsonValue.parse("{\"n\":7,\"big\":18446744073709551615,\"half\":0.5,\"t\":\"x\"}");
        assertThat(object.wholeNumber("n")).hasValue(7);
        assertThat(object.wholeNumber("big")).isEqualTo(OptionalLong.empty());
        assertThat(object.wholeNumber("half")).isEmpty();
        assertThat(object.text("t")).hasValue("x");
        assertThat(object.text("n")).isEmpty();
        assertThat(object.truth("none")).isEmpty();
    }

    @Test
    void a_member_is_replaced_in_its_place() {
        assertThat(JsonObject.of("a", "1").with("b", 2).with("a", true)).hasToString("{\"a\":true,\"b\":2}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "   ",
                "{",
                "{\"a\":",
                "{\"a\"}",
                "[1,",
                "[1 2]",
                "\"open",
                "nul",
                "NaN",
                "01",
                "{} {}",
                "{\"a\":1,\"a\":2}",
                "{'a':1}",
                "]",
                "{\"a\":}"
            })
    void what_is_no_json_is_refused(String text) {
        assertThatThrownBy(() -> JsonValue.parse(text)).isInstanceOf(MalformedJsonException.class);
    }

    @Test
    void a_nest_too_deep_is_refused() {
        assertThatThrownBy(() -> JsonValue.parse("[".repeat(1_000_000)))
                .isInstanceOf(MalformedJsonException.class)
                .hasMessageContaining("depth");
    }

    @Test
    void a_number_too_long_is_refused() {
        assertThatThrownBy(() -> JsonValue.parse("9".repeat(1_000_000))).isInstanceOf(MalformedJsonException.class);
    }
}
