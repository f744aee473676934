package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.RateLimit;
import dev.godwit.qemu.vmstate.CapturedLayouts;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.channels.Channels;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutgoingPrecopyTest {

    private static VmState receive(byte[] stream, MemoryRam ram) throws Exception {
        return IncomingMigration.from(Channels.newChannel(new ByteArrayInputStream(stream)))
                .into(ram);
    }

    private static List<String> names(VmState state) {
        return state.sections().stream().map(Section::name).toList();
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
        assertThat(arrived.configuration()).isEqualTo(state.configuration());
        assertThat(arrived.sections()).extracting(Section::name).isEqualTo(names(state));
        for (int i = 0; i < state.sections().size(); i++) {
            assertThat(arrived.sections().get(i).payload())
                    .isEqualTo(state.sections().get(i).payload());
        }
        assertThat(arrived.vmdescription().orElseThrow())
                .isEqualTo(state.vmdescription().orElseThrow());
    }

    @Test
    void a_mapped_snapshot_is_sent_as_qemu_sends_it_but_for_switchover_start() throws Exception {
        MemoryRam ram = new MemoryRam();
        byte[] captured = CapturedLayouts.resource("precopy-pc.mig.gz");
        VmState state = receive(captured, ram);
        VmState mapped = new VmState(
                state.configuration().withCapabilities(List.of(Configuration.MAPPED_RAM)),
                state.ramSectionId(),
                state.sections(),
                state.vmdescription());

        byte[] stream = sent(new OutgoingPrecopy(ram, mapped));

        int switchoverAt = 0xba377;
        byte[] expected = new byte[captured.length - 5];
        System.arraycopy(captured, 0, expected, 0, switchoverAt);
        System.arraycopy(captured, switchoverAt + 5, expected, switchoverAt, expected.length - switchoverAt);
        assertThat(stream).isEqualTo(expected);
    }

    @Test
    void shared_ram_that_was_not_saved_cannot_be_sent() {
        VmState state = new VmState(
                new Configuration("pc", OptionalInt.empty(), List.of(Configuration.X_IGNORE_SHARED), Optional.empty()),
                1,
                List.of(),
                Optional.empty());

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

        assertThat(clock.sleeps)
                .as("windows of a little more than 100 kB each")
                .isBetween(stream.length / 125_000 - 2, stream.length / 100_000)
                .isEqualTo((int) (clock.nowNs / RateLimit.WINDOW_NS));
    }

    private static final class SteppedClock implements Clock {
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
