package dev.godwit.qemu.vmstate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.vmstate.VmDescription.Device;
import dev.godwit.qemu.vmstate.VmDescription.Field;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VmDescriptionTest {

    @Test
    void keys_that_repeat_in_one_object_are_kept_in_order() throws Exception {
        Field list =
                parse("""
                {"page_size": 4096, "devices": [{"name": "d", "instance_id": 4294967295, "vmsd_name": "d", "version": 3,
                  "fields": [{"name": "l", "type": "qtailq",
                    "vmsd_name": "e", "version": 1, "fields": [{"name": "x", "type": "uint8", "size": 1}],
                    "vmsd_name": "e", "version": 1, "fields": [{"name": "x", "type": "uint8", "size": 2}],
                    "size": 6}],
                  "subsections": [{"vmsd_name": "d/s", "version": 1,
                    "fields": [{"name": "y", "array_len": 3, "type": "uint16", "size": 2}]}]}]}""").devices().getFirst().state().orElseThrow().fields().getFirst();
        assertThat(list.structs()).extracting(struct -> struct.lengthBytes()).containsExactly(1, 2);
    }

    @Test
    void lengths_are_those_of_the_stream() throws Exception {
        Device device = parse("""
                {"devices": [{"name": "d", "instance_id": 0, "vmsd_name": "d", "version": 3,
                  "fields": [{"name": "l", "array_len": 5, "type": "uint8", "size": 2}],
                  "subsections": [{"vmsd_name": "d/s", "version": 1, "fields": []}]}]}""").devices().getFirst();
        assertThat(device.payloadBytes()).isEqualTo(10 + 1 + 1 + 3 + 4);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                                            | an object",
                "[]                                                            | an object",
                "{}                                                            | a list of devices",
                "{\"devices\": 1}                                              | a list of devices",
                "{\"devices\": [1]}                                            | a device",
                "{\"devices\": [], \"devices\": []}                            | one list",
                "{\"devices\": []} x                                           | JSON",
                "{\"devices\": []} {}                                          | the end of the document",
                "{\"devices\": [{\"instance_id\": 0, \"size\": 1}]}            | a name",
                "{\"devices\": [{\"name\": \"a\"}]}                            | vmsd_name or size",
                "{\"devices\": [{\"name\": \"a\", \"size\": -1}]}              | a number from 0",
                "{\"devices\": [{\"name\": \"a\", \"size\": 2147483648}]}      | a number from 0",
                "{\"devices\": [{\"name\": \"a\", \"size\": 1.5}]}             | a whole number",
                "{\"devices\": [{\"name\": \"a\", \"size\": \"1\"}]}           | a whole number",
                "{\"devices\": [{\"name\": 1}]}                                | a string",
                "{\"devices\": [{\"name\": \"a\", \"instance_id\": 4294967296, \"size\": 1}]} | a number from 0",
                "{\"devices\": [{\"name\": \"a\", \"size\": 99999999999999999999999}]} | JSON",
                "{\"devices\": [                                               | JSON",
                "{\"devices\": [{\"name\": \"a\", \"vmsd_name\": \"a\", \"fields\": [{\"name\": \"f\"}]}]} | size of field",
                "{\"devices\": [{\"name\": \"a\", \"vmsd_name\": \"a\", \"fields\": [{\"name\": \"f\", \"array_len\": 65536, \"size\": 65536}]}]} | lengths of at most",
                "{\"devices\": [{\"name\": \"a\", \"vmsd_name\": \"a\", \"fields\": [{\"name\": \"f\", \"size\": 2147483647}, {\"name\": \"f\", \"size\": 2147483647}]}]} | lengths of at most",
            })
    void what_is_no_description_is_refused(String json, String expected) {
        assertThatThrownBy(() -> parse(json))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("vmdescription at byte")
                .hasMessageContaining(expected);
    }

    @Test
    void deep_nesting_is_refused() {
        assertThatThrownBy(() -> parse("{\"x\": " + "[".repeat(1_000_000)))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("depth");
        String struct = "{\"vmsd_name\": \"a\", \"fields\": [], \"subsections\": [";
        assertThatThrownBy(() -> parse("{\"devices\": [{\"name\": \"a\", \"vmsd_name\": \"a\", \"subsections\": ["
                        + struct.repeat(100_000)))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("depth");
    }

    @Test
    void long_strings_and_documents_and_many_tokens_are_refused() {
        assertThatThrownBy(() -> parse("{\"devices\": [{\"name\": \"" + "a".repeat(5000) + "\"}]}"))
                .isInstanceOf(StreamFormatException.class);
        assertThatThrownBy(() -> parse("{\"" + "a".repeat(5000) + "\": 1}")).isInstanceOf(StreamFormatException.class);
        assertThatThrownBy(() -> parse("{\"x\": [" + "1,".repeat(9_000_000)))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("oken");
        assertThatThrownBy(() -> VmDescription.parse(new byte[VmDescription.MAX_LENGTH_BYTES + 1], 0))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("at most");
    }

    @Test
    void the_error_tells_the_place_in_the_stream() {
        assertThatThrownBy(() -> VmDescription.parse("{\"devices\": 7}".getBytes(StandardCharsets.UTF_8), 1000))
                .hasMessageContaining("at byte 1012");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void damaged_json_is_read_or_refused(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] whole = ("{\"configuration\": {\"a\": [1, 2]}, \"page_size\": 4096, \"devices\": [{\"name\": \"d\","
                        + " \"instance_id\": 0, \"vmsd_name\": \"d\", \"version\": 3, \"fields\": [{\"name\": \"l\","
                        + " \"array_len\": 5, \"type\": \"uint8\", \"size\": 2}], \"subsections\": [{\"vmsd_name\":"
                        + " \"d/s\", \"version\": 1, \"fields\": []}]}]}")
                .getBytes(StandardCharsets.UTF_8);
        for (int round = 0; round < 5000; round++) {
            byte[] json = whole.clone();
            for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
                json[random.nextInt(json.length)] = (byte) random.nextInt();
            }
            try {
                VmDescription.parse(json, 0);
            } catch (StreamFormatException e) {
                assertThat(e.positionBytes()).isNotNegative();
            }
        }
    }

    private static VmDescription parse(String json) throws StreamFormatException {
        return VmDescription.parse(json.getBytes(StandardCharsets.UTF_8), 0);
    }
}
