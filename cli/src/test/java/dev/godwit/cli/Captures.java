package dev.godwit.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;

/** Files that QEMU wrote, unpacked. */
final class Captures {

    private static final Path FOLDER = Path.of("..", "qemu", "src", "test", "resources", "captures");

    private Captures() {}

    static Path unpack(String name, Path folder) {
        Path file = folder.resolve(name);
        try (InputStream packed = new GZIPInputStream(Files.newInputStream(FOLDER.resolve(name + ".gz")))) {
            Files.copy(packed, file);
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
