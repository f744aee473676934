package dev.godwit.kvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads what a machine boots from. */
final class BootFiles {

    private BootFiles() {}

    /**
     * {@return a whole file}
     *
     * @throws IOException if it is longer than there is room in the guest
     */
    static byte[] read(Path file, long mostBytes) throws IOException {
        long lengthBytes = Files.size(file);
        if (lengthBytes > mostBytes || lengthBytes > Integer.MAX_VALUE - 8) {
            throw new IOException("%s has %d bytes, and the guest has room for %d; give it more RAM"
                    .formatted(file, lengthBytes, Math.max(0, mostBytes)));
        }
        return Files.readAllBytes(file);
    }
}
