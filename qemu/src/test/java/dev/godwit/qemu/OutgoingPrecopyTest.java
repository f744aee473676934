package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.MigrationException;
import dev.godwit.qemu.vmstate.CapturedLayouts;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.channels.Channels;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutgoingPrecopyTest {

    private static VmState receive(byte[] stream, MemoryRam ram) throws Exception {
        return IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(stream)))
                .into(ram);
    }

    private static byte[] sent(OutgoingPrecopy migration) throws Exception {
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        migration.send(Channels.newChannel(sent));
        return sent.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(strings = {"precopy-pc", "q35-many-devices", "bgsnap-live", "dirty-bitmaps", "xbzrle"})
    void what_was_received_and_is_sent_again_arrives_the_same(String capture) throws Exception {
        MemoryRam ram = new MemoryRam();
        VmState state = receive(CapturedLayouts.resource(capture + ".mig.gz"), ram);
        MemoryRam again = new MemoryRam();

        VmState arrived = receive(sent(new OutgoingPrecopy(ram, state).returnPath()), again);

        assertThat(again.hashes()).isEqualTo(CapturedLayouts.ramHashes(capture));
        assertThat(arrived).usingRecursiveComparison().isEqualTo(state);
    }

    @Test
    void only_what_7_2_knows_is_sent() throws Exception {
        MemoryRam ram = new MemoryRam();
        VmState state = receive(CapturedLayouts.resource("precopy-pc.mig.gz"), ram);
        VmState mapped = new VmState(
                state.configuration().withCapabilities(List.of(Configuration.MAPPED_RAM)),
                state.ramSectionId(),
                state.sections(),
                state.vmdescription());

        RecordingVisitor visitor = new RecordingVisitor(new MemoryRam());
        new StreamReader(StreamBytes.input(sent(new OutgoingPrecopy(ram, mapped))), StreamOptions.ENDS, visitor).read();

        assertThat(visitor.lines().subList(0, 5))
                .extracting(line -> line.substring(9, 14))
                .containsExactly("magic", "CONFI", "START", "PART ", "END  ");
        assertThat(visitor.lines().get(3))
                .as("the same records as QEMU sent")
                .endsWith(
                        "PART id=1 'ram' records={'0x10': 1, '0x2': 3, '0x22': 16313, '0x28': 147, '0x8': 3} end 0xba377");
    }

    @Test
    void shared_ram_that_was_not_saved_cannot_be_sent() {
        VmState state = new VmState(
                new Configuration(
                        "pc",
                        java.util.OptionalInt.empty(),
                        List.of(Configuration.X_IGNORE_SHARED),
                        java.util.Optional.empty()),
                1,
                List.of(),
                java.util.Optional.empty());

        assertThatThrownBy(() -> sent(new OutgoingPrecopy(new MemoryRam(), state)))
                .isInstanceOf(MigrationException.class)
                .hasMessageContaining("x-ignore-shared");
    }

    @Test
    void the_rate_limit_waits_for_the_next_window_where_one_is_used_up() throws Exception {
        MemoryRam ram = new MemoryRam();
        VmState state = receive(CapturedLayouts.resource("precopy-pc.mig.gz"), ram);
        SteppedClock clock = new SteppedClock();

        byte[] stream = sent(
                new OutgoingPrecopy(ram, state).maxBytesPerSecond(1_000_000).clock(clock));

        // A window holds 100 kB and what one run of pages goes beyond it, about 1 MB.
        assertThat(clock.sleeps).isBetween(2, stream.length / 100_000).isEqualTo((int)
                (clock.nowNs / RateLimit.WINDOW_NS));
    }

    private static final class SteppedClock implements RateLimit.Clock {
        private long nowNs;
        private int sleeps;

        @Override
        public long nanoTime() {
            return nowNs;
        }

        @Override
        public void sleep(long ns) {
            nowNs += ns;
            sleeps++;
        }
    }
}
