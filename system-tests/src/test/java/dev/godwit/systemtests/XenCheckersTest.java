package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.testkit.Peers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Xen's own checkers start on this machine; what they say of our streams is for the day when there are some. */
class XenCheckersTest {

    @Test
    void both_checkers_start_and_tell_their_usage() throws Exception {
        for (Path checker : new Path[] {Peers.xenVerifyStream(), Peers.xenConvertLegacyStream()}) {
            Process process = new ProcessBuilder(checker.toString(), "--help")
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(said).isZero();
            assertThat(said).containsIgnoringCase("usage");
        }
    }
}
