package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.transport.MigrationUri;
import java.nio.charset.StandardCharsets;

class MigrationUriFuzzTest {

    @FuzzTest(maxDuration = "60s")
    void any_uri_is_parsed_or_refused(byte[] input) throws Exception {
        try {
            String text = new String(input, StandardCharsets.UTF_8);
            MigrationUri uri = MigrationUri.parse(text);
            if (!MigrationUri.parse(uri.toString()).equals(uri)) {
                throw new AssertionError("parsed another way the second time: " + uri);
            }
        } catch (IllegalArgumentException expected) {
            // A refusal is an answer; anything else is a finding.
        }
    }
}
