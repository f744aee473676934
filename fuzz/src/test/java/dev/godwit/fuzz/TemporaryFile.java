package dev.godwit.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** One file in memory, where the system has a place for such, that every execution of a target writes anew. */
final class TemporaryFile {

    private static final Path SHARED_MEMORY = Path.of("/dev/shm");

    private TemporaryFile() {}

    /** {@return a new file, gone with this JVM} */
    static Path create(String name) throws IOException {
        Path folder = Files.isWritable(SHARED_MEMORY)
                ? Files.createTempDirectory(SHARED_MEMORY, "godwit-fuzz")
                : Files.createTempDirectory("godwit-fuzz");
        folder.toFile().deleteOnExit();
        Path file = folder.resolve(name);
        file.toFile().deleteOnExit(); // before its folder, as the order is the reverse
        return file;
    }
}
