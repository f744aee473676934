package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.host.PagemapDirtyLog;
import dev.godwit.testkit.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code godwit compare} as a process of its own. */
@Timeout(300)
class CompareTest {

    @TempDir
    private Path folder;

    private static String read(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"500", "600000"})
    void it_says_how_far_it_is_and_ctrl_c_ends_it_with_nothing_left_in_a_warm_up_of_ms(String warmUp) throws Exception {
        assumeThat(PagemapDirtyLog.missing())
                .as("this host cannot track the writes of a machine: godwit doctor says why")
                .isEmpty();
        Path log = folder.resolve("compare.log");
        Path temporary = Files.createDirectory(folder.resolve("temporary"));
        Process godwit = RunningMachine.godwit(
                log,
                List.of("-Djava.io.tmpdir=" + temporary),
                List.of(("compare --ram 64M --rate 100 --policy qemu,xen --max-bandwidth 1M --warm-up " + warmUp)
                        .split(" ", -1)));
        try {
            Await.until("the first policy", () -> {
                assertThat(godwit.isAlive()).as(read(log)).isTrue();
                return read(log).contains("policy qemu: ");
            });
            assertThat(temporary).isNotEmptyDirectory();
            assertThat(RunningMachine.signal("INT", godwit.pid())).isZero();
            assertThat(godwit.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(godwit.exitValue()).as(read(log)).isEqualTo(130);
            assertThat(read(log)).contains("nothing was changed").doesNotContain("guest stood still");
            assertThat(temporary).isEmptyDirectory();
        } finally {
            godwit.destroyForcibly().waitFor();
        }
    }
}
