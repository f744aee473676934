package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qmp.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real guest, run by {@code godwit run --machine kvm}, moves between two processes. */
@Timeout(300)
class KvmMachineMigrationTest {

    /** Writes a letter to the serial port again and again, the next of the alphabet each time: BL is its only state. */
    private static final String ALPHABET = "66baf803" // mov dx, 0x3f8
            + "b361" // mov bl, 'a'
            + "b900100000" // again: mov ecx, 1 << 12
            + "ffc9" // wait: dec ecx
            + "75fc" // jnz wait
            + "88d8" // mov al, bl
            + "ee" // out dx, al
            + "fec3" // inc bl
            + "80fb7b" // cmp bl, 'z' + 1
            + "75ed" // jne again
            + "b361" // mov bl, 'a'
            + "ebe9"; // jmp again

    @TempDir
    private Path folder;

    @BeforeAll
    static void needs_kvm() {
        Path kvm = Path.of("/dev/kvm");
        Assumptions.assumeTrue(
                Files.isReadable(kvm) && Files.isWritable(kvm), "skipped: this user cannot open /dev/kvm");
    }

    @Test
    void a_guest_goes_on_in_the_other_process_where_it_was() throws Exception {
        Path program = Files.write(folder.resolve("program"), HexFormat.of().parseHex(ALPHABET));
        Path before = folder.resolve("before");
        Path after = folder.resolve("after");
        String uri = "unix:" + folder.resolve("m.sock");
        try (RunningMachine source = RunningMachine.start(
                        "kvm",
                        folder,
                        "source",
                        "--ram",
                        "16M",
                        "--flat",
                        program.toString(),
                        "--serial",
                        before.toString());
                RunningMachine destination = RunningMachine.start(
                        "kvm",
                        folder,
                        "destination",
                        "--ram",
                        "16M",
                        "--incoming",
                        uri,
                        "--serial",
                        after.toString())) {
            awaitLetters(before);
            source.monitor.setMigrationCapabilities(Map.of("return-path", true));
            source.monitor.migrate(uri);
            source.awaitMigration("completed");
            assertThat(source.status()).isEqualTo("postmigrate");
            assertThat(destination.status()).isEqualTo("running");
            awaitLetters(after);
            String all = Files.readString(before) + Files.readString(after);
            assertThat("abcdefghijklmnopqrstuvwxyz".repeat(all.length() / 26 + 1))
                    .startsWith(all);
            JsonObject again = source.qmp.execute("query-migrate");
            assertThat(again.text("status")).contains("completed");
        }
    }

    private static void awaitLetters(Path file) throws Exception {
        long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
        while (!Files.exists(file) || Files.size(file) < 5) {
            assertThat(System.nanoTime() - endNs).as("letters in " + file).isNegative();
            TimeUnit.MILLISECONDS.sleep(20);
        }
    }
}
