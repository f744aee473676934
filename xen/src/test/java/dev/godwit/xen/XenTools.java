package dev.godwit.xen;

import dev.godwit.testkit.Peers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Xen's own programs, asked about an image in a file. */
final class XenTools {

    private XenTools() {}

    /** What a program said, and its exit status. */
    record Verdict(int status, String said) {}

    static Verdict verify(Path folder, byte[] image, String format) throws IOException, InterruptedException {
        Path file = Files.write(folder.resolve("image"), image);
        return run(List.of(Peers.xenVerifyStream().toString(), "-i", file.toString(), "-v", "-f", format));
    }

    static Verdict convert(Path folder, byte[] image, Path converted, int width, String... options)
            throws IOException, InterruptedException {
        Path file = Files.write(folder.resolve("legacy"), image);
        List<String> command = new ArrayList<>(List.of(
                Peers.xenConvertLegacyStream().toString(),
                "-i",
                file.toString(),
                "-o",
                converted.toString(),
                "-w",
                Integer.toString(width),
                "-g",
                "hvm",
                "-f",
                "libxc"));
        command.addAll(List.of(options));
        return run(command);
    }

    private static Verdict run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Verdict(process.waitFor(), said);
    }
}
