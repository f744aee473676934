package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.testkit.Peers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Machines of ours, driven by QMP clients that nobody here wrote: QEMU's own. */
@Timeout(300)
class QemusOwnClientsTest {

    private static final String SCRIPT = "migrate_with_qemus_own_client.py";

    @TempDir
    private Path folder;

    @Test
    void qemus_python_library_migrates_a_machine_of_ours() throws Exception {
        Path library = Peers.pythonQmp();
        Path script = folder.resolve(SCRIPT);
        try (InputStream text = Objects.requireNonNull(QemusOwnClientsTest.class.getResourceAsStream(SCRIPT))) {
            Files.copy(text, script);
        }
        try (RunningMachine source = RunningMachine.start(folder, "source", "--ram", "16M", "--rate", "2000");
                RunningMachine destination =
                        RunningMachine.start(folder, "destination", "--ram", "16M", "--incoming", "defer")) {
            String said = python(
                    library,
                    "",
                    script.toString(),
                    source.socket().toString(),
                    destination.socket().toString(),
                    "unix:" + folder.resolve("m.sock"));
            assertThat(said.lines())
                    .containsExactly(
                            "capabilities oob",
                            "CommandNotFound The command no-such-command has not been found",
                            "told setup active STOP device completed",
                            "source postmigrate",
                            "destination running");
            assertThat(destination.verify().truth("sound")).contains(true);
        }
    }

    @Test
    void qemus_shell_talks_to_a_machine_of_ours() throws Exception {
        Path library = Peers.pythonQmp();
        try (RunningMachine machine = RunningMachine.start(folder, "machine", "--ram", "4M")) {
            String typed = """
                    query-status
                    migrate-set-parameters downtime-limit=55 cpu-throttle-tailslow=true
                    migrate-set-capabilities capabilities=[{'capability':'xbzrle','state':true}]
                    stop
                    """;
            String said = python(
                    library, typed, "-m", "qemu.qmp.qmp_shell", machine.socket().toString());
            assertThat(said)
                    .contains("Connected to QEMU 10.0.0", "{\"return\": {\"status\": \"running\", \"running\": true}}")
                    .doesNotContain("error");
            assertThat(machine.monitor.migrationParameters().wholeNumber("downtime-limit"))
                    .hasValue(55);
            assertThat(machine.monitor.migrationCapabilities()).containsEntry("xbzrle", true);
            assertThat(machine.status()).isEqualTo("paused");
        }
    }

    private String python(Path library, String typed, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("python3"));
        command.addAll(List.of(arguments));
        Path input = Files.writeString(folder.resolve("typed"), typed);
        Path output = folder.resolve("said");
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(input.toFile())
                .redirectOutput(output.toFile());
        builder.environment().put("PYTHONPATH", library.toString());
        builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
        builder.environment().put("HOME", folder.toString());
        Process process = builder.start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(output)).isZero();
        return Files.readString(output);
    }
}
