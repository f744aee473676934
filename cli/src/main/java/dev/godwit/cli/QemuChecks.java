package dev.godwit.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Which QEMUs the doctor finds: on the PATH, and among the peers of the tests in {@code .peers/bin}. */
final class QemuChecks {

    private static final String NAME = "qemu-system-x86_64";

    private QemuChecks() {}

    static List<Finding> all() {
        Set<Path> programs = new LinkedHashSet<>();
        Optional.ofNullable(System.getenv("PATH")).ifPresent(path -> {
            for (String folder : path.split(":", -1)) {
                if (!folder.isEmpty()) {
                    programs.add(Path.of(folder, NAME));
                }
            }
        });
        programs.addAll(peers());
        List<Finding> findings = new ArrayList<>();
        for (Path program : programs) {
            if (Files.isExecutable(program) && !Files.isDirectory(program)) {
                findings.add(Finding.ok("qemu", program + ": " + version(program)));
            }
        }
        if (findings.isEmpty()) {
            findings.add(Finding.limited(
                    "qemu",
                    "no " + NAME + " on the PATH; Godwit needs none, but has nobody to take a snapshot of",
                    "sudo apt-get install qemu-system-x86"));
        }
        return findings;
    }

    private static List<Path> peers() {
        List<Path> programs = new ArrayList<>();
        Path folder = Path.of(".peers", "bin");
        if (Files.isDirectory(folder)) {
            try (var entries = Files.newDirectoryStream(folder, "qemu-*")) {
                entries.forEach(programs::add);
            } catch (IOException _) {
                return List.of();
            }
        }
        programs.sort(null);
        return programs;
    }

    private static String version(Path program) {
        try {
            Process process = new ProcessBuilder(program.toString(), "--version")
                    .redirectErrorStream(true)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .start();
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                String first = lines.readLine();
                boolean ended = process.waitFor(10, TimeUnit.SECONDS);
                return first != null && ended && process.exitValue() == 0 ? first : "does not say its version";
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            return "does not start: " + e.getMessage();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return "not asked";
        }
    }
}
