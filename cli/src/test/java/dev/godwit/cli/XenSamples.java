package dev.godwit.cli;

import dev.godwit.testkit.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipFile;

/** Images of Xen's, and what Xen's own programs say of ours. */
final class XenSamples {

    private static final Path FOLDER = Path.of("..", "xen", "src", "test", "resources", "dev", "godwit", "xen");

    private XenSamples() {}

    static List<String> names() throws IOException {
        try (ZipFile zip = new ZipFile(FOLDER.resolve("samples.zip").toFile())) {
            return zip.stream().map(entry -> entry.getName()).sorted().toList();
        }
    }

    static Path unpack(String name, Path folder) throws IOException {
        for (String archive : List.of("samples.zip", "gold.zip")) {
            try (ZipFile zip = new ZipFile(FOLDER.resolve(archive).toFile())) {
                if (zip.getEntry(name) != null) {
                    return Files.write(
                            folder.resolve(name),
                            zip.getInputStream(zip.getEntry(name)).readAllBytes());
                }
            }
        }
        throw new AssertionError(name);
    }

    /** What a program said, and its exit status. */
    record Verdict(int status, String said) {}

    static Verdict verify(Path image, String format) throws Exception {
        return run(List.of(Peers.xenVerifyStream().toString(), "-i", image.toString(), "-v", "-f", format));
    }

    static Verdict convert(Path legacy, Path target, int width, String format, String... options) throws Exception {
        List<String> command = new ArrayList<>(
                List.of(Peers.xenConvertLegacyStream().toString(), "-i", legacy.toString(), "-o", target.toString()));
        command.addAll(List.of("-w", Integer.toString(width), "-g", "hvm", "-f", format));
        command.addAll(List.of(options));
        return run(command);
    }

    private static Verdict run(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Verdict(process.waitFor(), said);
    }
}
