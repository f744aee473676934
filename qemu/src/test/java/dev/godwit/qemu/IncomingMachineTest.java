package dev.godwit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineSink;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.IncomingPrecopy;
import dev.godwit.engine.precopy.ReturnPathListener;
import dev.godwit.ram.RamBlock;
import dev.godwit.testkit.WritingMachine;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Streams that a machine of ours must refuse, whole or damaged, before its guest runs. */
@Timeout(300)
class IncomingMachineTest {

    private static final RamBlock RAM = new RamBlock("test.ram", 4 * 4096);
    private static final RamBlock ROM = new RamBlock("test.rom", 4096);

    private static final ReturnPathListener NOBODY = new ReturnPathListener() {
        @Override
        public void switchoverAcknowledged() {}

        @Override
        public void shut(int status) {}

        @Override
        public void lost(IOException cause) {}
    };

    private static WritingMachine machine(RamBlock... blocks) {
        return new WritingMachine("test-1", 25, WritingMachine.IDLE, blocks);
    }

    private static byte[] stream(WritingMachine source) throws IOException {
        return stream(source, RunStatus.RUNNING);
    }

    /** The stream of a machine that stands still, as the lap writes it. */
    private static byte[] stream(WritingMachine source, RunStatus before) throws IOException {
        return stream(source, before, Set.of());
    }

    private static byte[] stream(WritingMachine source, RunStatus before, Set<MigrationCapability> capabilities)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MachineStream stream = new MachineStream(
                source, Channels.newChannel(bytes), capabilities, () -> MigrationParameters.DEFAULTS)) {
            if (capabilities.contains(MigrationCapability.RETURN_PATH)) {
                stream.returnPath(Channels.newChannel(InputStream.nullInputStream()), () -> {});
            }
            stream.beginPass(1);
            stream.start(NOBODY);
            stream.beginPart();
            for (int block = 0; block < source.memory().blocks().size(); block++) {
                stream.pages(block, 0, source.memory().layout().block(block).pages());
            }
            stream.endPart();
            stream.switchover();
            stream.beginLast();
            stream.endLast();
            stream.devices(source.save(), before);
            stream.end();
        }
        return bytes.toByteArray();
    }

    private static MachineRun receive(WritingMachine machine, byte[] stream) throws MigrationException {
        MachineRun run = new MachineRun(machine, RunStatus.INMIGRATE, event -> {});
        IncomingPrecopy incoming = new IncomingPrecopy(machine, run, event -> {});
        incoming.listening();
        try {
            incoming.run(new IncomingMachineStream(
                            machine,
                            new ReceivedPages(new MachineSink(machine.memory())),
                            Channels.newChannel(new ByteArrayInputStream(stream)))
                    .returnPath(Channels.newChannel(new ByteArrayOutputStream()), false));
        } catch (MigrationException e) {
            assertThat(machine.isRunning()).isFalse();
            throw e;
        }
        return run;
    }

    @Test
    void what_one_machine_sends_another_of_its_kind_takes() throws Exception {
        try (WritingMachine source = machine(RAM, ROM).filled();
                WritingMachine destination = machine(ROM, RAM)) {
            MachineRun run = receive(destination, stream(source));

            run.stop();
            assertThat(destination.memory().block(1).mismatch(source.memory().block(0)))
                    .isEqualTo(-1);
            assertThat(run.status()).isEqualTo(RunStatus.PAUSED);
        }
    }

    @Test
    void who_heard_at_the_source_that_the_guest_has_come_finds_it_so_at_the_destination() throws Exception {
        try (WritingMachine source = machine(RAM);
                WritingMachine destination = machine(RAM);
                HeldUpAnswer answer = new HeldUpAnswer()) {
            MachineRun run = new MachineRun(destination, RunStatus.INMIGRATE, event -> {});
            IncomingPrecopy incoming = new IncomingPrecopy(destination, run, event -> {});
            incoming.listening();
            IncomingMachineStream stream = new IncomingMachineStream(
                            destination,
                            new ReceivedPages(new MachineSink(destination.memory())),
                            Channels.newChannel(new ByteArrayInputStream(
                                    stream(source, RunStatus.RUNNING, Set.of(MigrationCapability.RETURN_PATH)))))
                    .returnPath(answer, false);
            Thread receiving = Thread.ofPlatform().start(() -> {
                try {
                    incoming.run(stream);
                } catch (MigrationException e) {
                    throw new AssertionError(e);
                }
            });
            assertThat(answer.heard.await(1, TimeUnit.MINUTES)).isTrue();
            assertThat(incoming.state().status()).isEqualTo(MigrationStatus.ACTIVE);

            CompletableFuture<MigrationStatus> found = CompletableFuture.supplyAsync(() -> {
                incoming.awaitAnswered(TimeUnit.MINUTES.toMillis(4));
                return incoming.state().status();
            });
            assertThat(found).isNotDone();
            answer.release();

            assertThat(found.join()).isEqualTo(MigrationStatus.COMPLETED);
            receiving.join();
            run.stop();
        }
    }

    /** A return path whose last word the source hears while the write of it has not returned. */
    private static final class HeldUpAnswer implements WritableByteChannel {
        final CountDownLatch heard = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);

        @Override
        public int write(ByteBuffer message) throws IOException {
            int lengthBytes = message.remaining();
            if (message.getShort(message.position()) == 1) { // SHUT
                heard.countDown();
                try {
                    released.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            message.position(message.limit());
            return lengthBytes;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        void release() {
            released.countDown();
        }

        @Override
        public void close() {
            release();
        }
    }

    @Test
    void a_guest_that_was_paused_stays_paused() throws Exception {
        try (WritingMachine source = machine(RAM);
                WritingMachine destination = machine(RAM)) {
            assertThat(receive(destination, stream(source, RunStatus.PAUSED)).status())
                    .isEqualTo(RunStatus.PAUSED);
            assertThat(destination.isRunning()).isFalse();
        }
    }

    @Test
    void a_page_that_became_zero_is_zero_at_the_destination_too() throws Exception {
        try (WritingMachine source = machine(RAM);
                WritingMachine destination = machine(RAM).filled()) {
            receive(destination, stream(source)).stop();

            assertThat(destination.memory().block(0).mismatch(source.memory().block(0)))
                    .isEqualTo(-1);
        }
    }

    @Test
    void differences_are_made_to_what_was_sent_last_and_an_equal_page_is_not_sent() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TestedSource source = new TestedSource(bytes)) {
            source.pass(1); // before everything was sent once nothing is kept
            source.write(0, 1);
            source.pass(2); // kept
            source.write(0, 2);
            source.write(4096, 3);
            source.pass(3); // a difference; the second page is kept
            source.pass(4); // both are equal
            assertThat(source.stream.counters().xbzrle().orElseThrow())
                    .matches(counted -> counted.pages() == 4 && counted.bytes() > 0 && counted.bytes() < 20);
            source.write(4096, 0); // and the rest of the page is zero
            source.pass(5);
            source.write(4096, 4);
            source.pass(6);
            source.end();
            try (WritingMachine destination = machine(ROM2)) {
                receive(destination, bytes.toByteArray()).stop();
                assertThat(destination
                                .memory()
                                .block(0)
                                .mismatch(source.machine.memory().block(0)))
                        .isEqualTo(-1);
            }
        }
    }

    private static final RamBlock ROM2 = new RamBlock("test.rom", 2 * 4096);

    /** A stream with XBZRLE, pass by pass. */
    private static final class TestedSource implements AutoCloseable {
        private final WritingMachine machine = machine(ROM2);
        private final MachineStream stream;

        TestedSource(ByteArrayOutputStream bytes) throws IOException {
            stream = new MachineStream(
                    machine,
                    Channels.newChannel(bytes),
                    Set.of(MigrationCapability.XBZRLE),
                    () -> MigrationParameters.DEFAULTS);
            stream.start(NOBODY);
        }

        void write(long offsetBytes, int value) {
            machine.memory().block(0).set(ValueLayout.JAVA_INT, offsetBytes, value);
        }

        void pass(int number) throws IOException {
            stream.beginPass(number);
            stream.beginPart();
            stream.pages(0, 0, 2);
            stream.endPart();
            stream.endOfRound();
        }

        void end() throws IOException {
            stream.switchover();
            stream.beginLast();
            stream.endLast();
            stream.devices(machine.save(), RunStatus.RUNNING);
            stream.end();
        }

        @Override
        public void close() throws IOException {
            stream.close();
            machine.close();
        }
    }

    static Stream<Arguments> others() {
        DeviceState unknown = DeviceState.of("acme/nic", 3, 1).uint32("mac", 1).build();
        DeviceState twice = DeviceState.of("test/vcpu", 0, 1).uint64("steps", 7).build();
        DeviceState newer = DeviceState.of("test/vcpu", 0, 9).uint64("steps", 7).build();
        return Stream.of(
                Arguments.of(
                        new WritingMachine("test-2", 25, WritingMachine.IDLE, RAM, ROM),
                        "machine type test-1, found test-2"),
                Arguments.of(machine(RAM), "expected block test.rom of 4096 bytes, found"),
                Arguments.of(machine(RAM, ROM, new RamBlock("test.vram", 4096)), "found block test.vram too"),
                Arguments.of(
                        machine(RAM, new RamBlock("test.rom", 8192)),
                        "block test.rom of 4096 bytes, found one of 8192"),
                Arguments.of(machine(RAM, ROM).devices(unknown), "found acme/nic/3"),
                Arguments.of(machine(RAM, ROM).devices(twice), "expected each once, found test/vcpu/0 again"),
                Arguments.of(machine(RAM, ROM).devices(newer), "again"));
    }

    @ParameterizedTest
    @MethodSource("others")
    void another_machine_is_refused_by_name(WritingMachine source, String expected) throws Exception {
        try (WritingMachine destination = machine(RAM, ROM)) {
            byte[] stream = stream(source);

            assertThatThrownBy(() -> receive(destination, stream)).hasMessageContaining(expected);
        }
    }

    @Test
    void a_run_state_that_no_machine_of_ours_has_is_refused() throws Exception {
        try (WritingMachine source = machine(RAM);
                WritingMachine destination = machine(RAM)) {
            byte[] stream = replaced(stream(source), "running\0\0", "io-error\0");

            assertThatThrownBy(() -> receive(destination, stream)).hasMessageContaining("found io-error");
        }
    }

    @Test
    void a_stream_without_a_description_of_its_devices_is_refused() throws Exception {
        try (WritingMachine source = machine(RAM);
                WritingMachine destination = machine(RAM)) {
            byte[] whole = stream(source);
            String text = new String(whole, StandardCharsets.ISO_8859_1);
            byte[] stream = Arrays.copyOf(whole, text.indexOf("{\"configuration\"") - 5);

            assertThatThrownBy(() -> receive(destination, stream)).hasMessageContaining("vmdescription");
        }
    }

    private static byte[] replaced(byte[] stream, String from, String to) {
        String text = new String(stream, StandardCharsets.ISO_8859_1);
        assertThat(text).contains(from);
        return text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
    }

    /** Every byte in turn becomes another. Whatever comes of it, the machine runs only what it has wholly taken. */
    @Test
    void a_damaged_byte_is_refused_or_does_no_harm() throws Exception {
        SplittableRandom random = new SplittableRandom(25);
        try (WritingMachine source = machine(ROM)) {
            source.memory().block(0).set(ValueLayout.JAVA_LONG, 128, -1);
            byte[] whole = stream(source);
            int refused = 0;
            for (int at = 0; at < whole.length; at++) {
                if (at > 200 && at < whole.length - 1500 && at % 50 != 0) {
                    continue; // inside the page
                }
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) (1 + random.nextInt(255));
                try (WritingMachine destination = machine(ROM)) {
                    receive(destination, damaged);
                } catch (MigrationException _) {
                    refused++;
                }
            }
            assertThat(refused).isGreaterThan(500);
        }
    }
}
