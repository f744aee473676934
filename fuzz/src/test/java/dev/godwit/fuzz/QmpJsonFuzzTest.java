package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.MalformedJsonException;
import dev.godwit.qmp.MigrationStatus;
import java.nio.charset.StandardCharsets;

class QmpJsonFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_text_is_read_and_written_again_or_refused(byte[] input) throws Exception {
        JsonValue value;
        try {
            value = JsonValue.parse(new String(input, StandardCharsets.UTF_8));
        } catch (MalformedJsonException expected) {
            return; // A refusal is an answer; anything else is a finding.
        }
        if (!JsonValue.parse(value.toString()).equals(value)) {
            throw new AssertionError("read another way the second time: " + value);
        }
        if (value instanceof JsonObject object) {
            MigrationStatus.of(object);
        }
    }
}
