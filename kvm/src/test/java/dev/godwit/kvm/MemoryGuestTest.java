package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** The checked-in guest is what its sources say. */
class MemoryGuestTest {

    @Test
    void the_binary_was_built_from_these_sources() throws Exception {
        ByteArrayOutputStream sources = new ByteArrayOutputStream();
        for (String name : new String[] {"guest.c", "start.S", "guest.ld", "build"}) {
            sources.write(Files.readAllBytes(Path.of("src/test/guest", name)));
        }
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(sources.toByteArray());
        assertThat(Files.readString(TestGuest.resource("memory-guest.source")).strip())
                .as("memory-guest.bin is stale: run src/test/guest/build as it says")
                .isEqualTo(HexFormat.of().formatHex(hash));
    }
}
