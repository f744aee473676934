package dev.godwit.qemu.vmstate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.VmState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MachinePackageTest {

    private static final Configuration CONFIGURATION =
            new Configuration("godwit-test-1", OptionalInt.empty(), List.of(), Optional.empty());

    private static final MachineState STATE = new MachineState(List.of(
            DeviceState.of("godwit/cpu", 0, 1)
                    .uint64("steps", 77)
                    .uint32("khz", 5)
                    .build(),
            // what looks like footers and commands inside a device is its own
            DeviceState.of("godwit/cpu", 1, 1)
                    .buffer("area", new byte[] {0x7e, 0, 0, 0, 4, 8, 0, 5, 0, 0, 4, 0, 0})
                    .build()));

    private static byte[] blob() throws IOException {
        return MachinePackage.write(
                MachineSections.sections(MachinePackage.devices(CONFIGURATION, STATE, RunStatus.PAUSED), 3), 9);
    }

    @Test
    void a_package_brings_the_devices_field_by_field() throws IOException {
        MachinePackage read = MachinePackage.read(blob());

        assertThat(read.before()).isEqualTo(RunStatus.PAUSED);
        assertThat(read.pings()).containsExactly(9);
        assertThat(described(read.state())).isEqualTo(described(STATE));
    }

    @Test
    void what_a_machine_of_ours_saved_is_packed_behind_its_description() throws IOException {
        VmState saved = MachineSections.vmState(CONFIGURATION, STATE, RunStatus.RUNNING);

        MachinePackage read = MachinePackage.read(MachinePackage.write(MachinePackage.sections(saved), 3));

        assertThat(described(read.state())).isEqualTo(described(STATE));
        assertThat(read.before()).isEqualTo(RunStatus.RUNNING);
    }

    @Test
    void what_another_machine_saved_is_packed_as_it_is() {
        VmState saved = MachineSections.vmState(CONFIGURATION, STATE, RunStatus.RUNNING);
        String json = new String(saved.vmdescription().orElseThrow(), StandardCharsets.UTF_8);
        for (String other : List.of(json + " ", json.replace(", ", ","), json.replace("godwit/cpu", "cpu"), "{}")) {
            VmState another = new VmState(
                    CONFIGURATION,
                    saved.ramSectionId(),
                    saved.sections(),
                    Optional.of(other.getBytes(StandardCharsets.UTF_8)));
            assertThat(MachinePackage.sections(another)).as(other).isEqualTo(saved.sections());
        }
        VmState undescribed = new VmState(CONFIGURATION, saved.ramSectionId(), saved.sections(), Optional.empty());
        assertThat(MachinePackage.sections(undescribed)).isEqualTo(saved.sections());
    }

    private static List<String> described(MachineState state) {
        return state.devices().stream()
                .map(device -> device.idstr()
                        + device.instanceId()
                        + device.versionId()
                        + device.fields().stream()
                                .map(MachinePackageTest::described)
                                .toList())
                .toList();
    }

    private static String described(StateField field) {
        return field.name() + field.type() + Arrays.toString(field.content());
    }

    @Test
    void a_package_without_a_description_is_split_by_its_footers() throws IOException {
        byte[] whole = blob();
        int description = 5 + 1 + 4 + 1 + MachinePackage.DESCRIPTION_IDSTR.length() + 8;
        int json = FullHeader.int32(whole, description);
        int devices = description + 4 + json + 5;
        byte[] plain = new byte[whole.length - devices + 5];
        System.arraycopy(whole, 0, plain, 0, 5);
        System.arraycopy(whole, devices, plain, 5, whole.length - devices);

        MachinePackage read = MachinePackage.read(plain);

        assertThat(read.pings()).containsExactly(9);
        assertThat(read.before()).isEqualTo(RunStatus.PAUSED);
        assertThat(read.state().devices().getFirst().buffer(MachinePackage.UNDESCRIBED_FIELD, -1))
                .containsExactly(0, 0, 0, 0, 0, 0, 0, 77, 0, 0, 0, 5);
    }

    @Test
    void a_package_that_is_cut_off_anywhere_is_refused() throws IOException {
        byte[] whole = blob();
        for (int length : IntStream.range(0, whole.length).toArray()) {
            assertThatThrownBy(() -> MachinePackage.read(Arrays.copyOf(whole, length)))
                    .isInstanceOf(StreamFormatException.class);
        }
    }

    @Test
    void bytes_behind_the_last_command_are_refused() throws IOException {
        byte[] whole = blob();

        assertThatThrownBy(() -> MachinePackage.read(Arrays.copyOf(whole, whole.length + 1)))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("the end of the package");
    }

    @Test
    void a_section_that_is_not_described_is_refused() throws IOException {
        byte[] whole = blob();
        String text = new String(whole, StandardCharsets.ISO_8859_1);
        int at = text.lastIndexOf("godwit/cpu");
        whole[at] = 'G';

        assertThatThrownBy(() -> MachinePackage.read(whole))
                .isInstanceOf(StreamFormatException.class)
                .hasMessageContaining("Godwit/cpu");
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3})
    void a_damaged_package_is_refused_or_read_but_nothing_else(long seed) throws IOException {
        Random random = new Random(seed);
        for (int round = 0; round < 3000; round++) {
            byte[] damaged = blob();
            for (int times = 1 + random.nextInt(3); times > 0; times--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            try {
                assertThat(MachinePackage.read(damaged).pings()).hasSizeLessThan(100);
            } catch (IOException e) {
                assertThat(e).hasMessageContaining("expected");
            }
        }
    }
}
