package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.WritingMachine;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A migration whose connection breaks after any byte: afterwards one side runs the guest, and only one. */
@Timeout(600)
class PrecopyCutTest {

    private static final long WHOLE = Long.MAX_VALUE;
    private static final int PONG_BYTES = 8;
    private static final int SHUT_BYTES = 8;

    /** Zero pages and a guest that does not write: a stream of little more than a kilobyte. */
    private static PrecopyPair pair(boolean returnPath) throws Exception {
        RamBlock ram = new RamBlock("test.ram", 2 * 4096);
        PrecopyPair pair = new PrecopyPair(
                new WritingMachine("test-1", 25, WritingMachine.IDLE, ram),
                new WritingMachine("test-1", 26, WritingMachine.IDLE, ram));
        if (returnPath) {
            pair.with(MigrationCapability.RETURN_PATH);
        }
        pair.sourceRun.cont();
        return pair;
    }

    private static long lengthBytes(boolean returnPath) throws Exception {
        try (PrecopyPair pair = pair(returnPath)) {
            AtomicReference<CutChannel> channel = new AtomicReference<>();
            pair.sourceSide = whole -> {
                channel.set(new CutChannel(whole, WHOLE, WHOLE));
                return channel.get();
            };
            pair.migrate();
            return channel.get().writtenBytes();
        }
    }

    private static void assertThatOneSideRuns(PrecopyPair pair, String cut) {
        assertThat(pair.source.isRunning()).as(cut).isNotEqualTo(pair.destination.isRunning());
        assertThat(pair.sourceRun.status()).as(cut).isIn(RunStatus.RUNNING, RunStatus.POSTMIGRATE);
        assertThat(pair.sourceRun.status() == RunStatus.RUNNING).as(cut).isEqualTo(pair.source.isRunning());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void the_stream_breaks_after_any_byte(boolean returnPath) throws Exception {
        long lengthBytes = lengthBytes(returnPath);
        assertThat(lengthBytes).isGreaterThan(1000);

        for (long cut = 0; cut <= lengthBytes; cut++) {
            long at = cut;
            try (PrecopyPair pair = pair(returnPath)) {
                pair.sourceSide = whole -> new CutChannel(whole, at, WHOLE);
                pair.start();
                pair.settle();
                assertThatOneSideRuns(pair, "cut after byte " + at + " of " + lengthBytes);
                assertThat(pair.destination.isRunning()).as("after byte " + at).isEqualTo(at == lengthBytes);
            }
        }
    }

    @Test
    void the_destinations_words_break_after_any_byte() throws Exception {
        for (long cut = 0; cut <= PONG_BYTES + SHUT_BYTES; cut++) {
            long at = cut;
            try (PrecopyPair pair = pair(true)) {
                pair.destinationSide = whole -> new CutChannel(whole, at, WHOLE);
                pair.start();
                pair.settle();
                assertThatOneSideRuns(pair, "words cut after byte " + at);
                assertThat(pair.destination.isRunning())
                        .as("after byte " + at)
                        .isEqualTo(at == PONG_BYTES + SHUT_BYTES);
            }
        }
    }

    @Test
    void it_is_cancelled_at_any_moment() throws Exception {
        SplittableRandom random = new SplittableRandom(25);
        MigrationStatus[] moments = {MigrationStatus.SETUP, MigrationStatus.ACTIVE, MigrationStatus.DEVICE};
        int completed = 0;
        for (int round = 0; round < 300; round++) {
            try (PrecopyPair pair = pair(random.nextInt(4) > 0)) {
                pair.start();
                MigrationStatus moment = moments[random.nextInt(3)];
                pair.awaitSourceOrItsEnd(moment);
                for (long spins = random.nextInt(20_000); spins > 0; spins--) {
                    Thread.onSpinWait();
                }
                pair.precopy.cancel();
                pair.settle();
                assertThatOneSideRuns(pair, "cancelled in round " + round + " after " + moment);
                completed += pair.destination.isRunning() ? 1 : 0;
            }
        }
        assertThat(completed).as("some were too late, others not").isBetween(1, 299);
    }

    @Test
    void a_multifd_channel_that_breaks_is_the_reason_that_is_told() throws Exception {
        try (PrecopyPair pair = pair(true)) {
            pair.multifd(2, MultifdMethod.NONE);
            pair.breakMultifdChannel(1);
            pair.send(); // to a destination that says nothing of it

            assertThatThrownBy(pair::join).hasMessageContaining("a multifd channel failed: ");
            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
        }
    }

    @Test
    void a_last_word_that_is_lost_on_its_way_leaves_the_guest_to_the_source_as_in_qemu_and_that_is_said()
            throws Exception {
        try (PrecopyPair pair = pair(true)) {
            pair.sourceSide = whole -> new CutChannel(whole, WHOLE, PONG_BYTES);

            assertThatThrownBy(pair::migrate)
                    .hasMessageContaining("everything had been sent")
                    .hasMessageContaining("make sure that it does not run at the destination too");
            assertThat(pair.sourceRun.status()).isEqualTo(RunStatus.RUNNING);
        }
    }
}
