package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.WritingMachine;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a source makes of the words of a destination that is played by the test. */
@Timeout(120)
class PrecopyAnswersTest {

    private static void say(ByteChannel channel, String hex) throws IOException {
        ByteBuffer words = ByteBuffer.wrap(HexFormat.of().parseHex(hex.replace(" ", "")));
        while (words.hasRemaining()) {
            channel.write(words);
        }
    }

    private static long readToTheEnd(ByteChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
        long bytes = 0;
        for (int read = 0; read >= 0; read = channel.read(buffer.clear())) {
            bytes += read;
        }
        return bytes;
    }

    private static PrecopyPair pair() throws Exception {
        PrecopyPair pair = new PrecopyPair();
        pair.with(MigrationCapability.RETURN_PATH);
        pair.sourceRun.cont();
        return pair;
    }

    private static void assertThatItFails(PrecopyPair pair, String expected) {
        assertThatThrownBy(pair::join)
                .hasMessageContaining(expected)
                .isInstanceOfSatisfying(
                        MigrationException.class,
                        e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE));
        assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
        assertThat(pair.source.isRunning()).isTrue();
        assertThat(pair.precopy.report().status()).isEqualTo(MigrationStatus.FAILED);
        assertThat(pair.precopy.report().errorDescription()).isPresent();
    }

    static Stream<Arguments> badWords() {
        return Stream.of(
                Arguments.of("a failure", "0001 0004 00000001", "SHUT 1"),
                Arguments.of("a type that is none", "0009 0000", "type 9"),
                Arguments.of("a wrong length", "0001 0002 0000", "SHUT of 4 bytes"),
                Arguments.of("a page request", "0004 000c 0000000000000000 00001000", "postcopy"),
                Arguments.of("a resume", "0006 0004 00000001", "postcopy"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badWords")
    void a_destination_that_fails_or_talks_nonsense_while_ram_is_sent_ends_the_migration(
            String name, String hex, String expected) throws Exception {
        try (PrecopyPair pair = pair()) {
            pair.set(MigrationParameter.MAX_BANDWIDTH, 1L << 16);
            pair.send();
            pair.awaitSource(MigrationStatus.ACTIVE);

            say(pair.far(), hex);

            assertThatItFails(pair, expected);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badWords")
    void so_it_does_after_the_last_byte(String name, String hex, String expected) throws Exception {
        try (PrecopyPair pair = pair()) {
            pair.send();
            Thread reader = Thread.ofVirtual().start(() -> {
                try {
                    readToTheEnd(pair.far());
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            pair.awaitSource(MigrationStatus.DEVICE);
            // Its memory arrives before the word is looked at, or not: either way the source keeps the guest.
            say(pair.far(), hex);

            assertThatItFails(pair, expected);
            reader.join();
        }
    }

    @Test
    void a_destination_that_claims_the_guest_before_it_can_have_it_does_not_get_it() throws Exception {
        try (PrecopyPair pair = pair()) {
            pair.set(MigrationParameter.MAX_BANDWIDTH, 1L << 16);
            pair.send();
            pair.awaitSource(MigrationStatus.ACTIVE);

            say(pair.far(), "0001 0004 00000000");

            assertThatItFails(pair, "before it can have it");
        }
    }

    @Test
    void a_destination_that_reads_nothing_and_fails_wakes_a_source_that_is_stuck_in_a_write() throws Exception {
        RamBlock more = new RamBlock("test.ram", 64 << 20); // than any socket buffers
        WritingMachine source = new WritingMachine("test-1", 25, WritingMachine.IDLE, more).filled();
        try (PrecopyPair pair = new PrecopyPair(source, new WritingMachine("test-1", 26, WritingMachine.IDLE, more))) {
            pair.with(MigrationCapability.RETURN_PATH);
            pair.set(MigrationParameter.MAX_BANDWIDTH, 0L);
            pair.sourceRun.cont();
            pair.send();
            pair.awaitSource(MigrationStatus.ACTIVE);

            say(pair.far(), "0001 0004 00000001");

            assertThatItFails(pair, "SHUT 1");
        }
    }

    @Test
    void without_its_leave_the_guest_is_not_stopped_and_with_it_it_is() throws Exception {
        try (PrecopyPair pair = new PrecopyPair()) {
            pair.with(MigrationCapability.RETURN_PATH, MigrationCapability.SWITCHOVER_ACK);
            pair.sourceRun.cont();
            pair.send();
            Thread reader = Thread.ofVirtual().start(() -> {
                try {
                    readToTheEnd(pair.far());
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            pair.awaitSource(MigrationStatus.ACTIVE);
            long passes = pair.precopy.report().ram().orElseThrow().dirtySyncCount();
            Await.until("five passes", () -> {
                assertThat(pair.precopy.report().status()).isEqualTo(MigrationStatus.ACTIVE);
                return pair.precopy.report().ram().orElseThrow().dirtySyncCount() >= passes + 5;
            });
            assertThat(pair.source.isRunning()).isTrue();

            say(pair.far(), "0007 0000");
            pair.awaitSource(MigrationStatus.DEVICE);
            say(pair.far(), "0001 0004 00000000");
            pair.join();

            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.POSTMIGRATE);
            reader.join();
        }
    }

    @Test
    void a_word_of_success_beats_a_cancellation_that_comes_too_late() throws Exception {
        try (PrecopyPair pair = pair()) {
            pair.send();
            Thread reader = Thread.ofVirtual().start(() -> {
                try {
                    readToTheEnd(pair.far());
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            pair.awaitSource(MigrationStatus.DEVICE);
            say(pair.far(), "0001 0004 00000000");
            pair.join();

            pair.precopy.cancel();

            assertThat(pair.precopy.report().status()).isEqualTo(MigrationStatus.COMPLETED);
            assertThat(pair.source.isRunning()).isFalse();
            reader.join();
        }
    }
}
