package dev.godwit.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.machine.StateField;
import java.io.IOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgramStateTest {

    private static final WorkloadOptions OPTIONS =
            WorkloadOptions.ofRam(4 << 20).withVcpus(2).withSeed(-5);
    private static final Program PROGRAM = Program.of(OPTIONS);

    @Test
    void what_is_saved_is_what_is_loaded() throws IOException {
        Program program = PROGRAM.then(OPTIONS.load());
        program.current().setSteps(0, 12);
        program.current().setSteps(1, VcpuSequence.MAX_STEPS);
        program = program.then(
                WorkloadLoad.of(9, WorkloadPattern.ZIPF).withHot(7, 8).withWorkingSetBytes(8192));
        WorkloadLoad current = program.current().load().withPagesPerSecond(-1);

        MachineState state = ProgramState.save(program, current);
        Program loaded = ProgramState.load(state, Program.of(OPTIONS.withSeed(1)));

        assertThat(state.devices()).hasSize(1 + 2 + 2);
        assertThat(loaded.seed()).isEqualTo(-5);
        assertThat(loaded.making()).isEqualTo(OPTIONS.making());
        assertThat(loaded.epochs()).hasSize(2);
        assertThat(loaded.epochs().getFirst().load()).isEqualTo(OPTIONS.load());
        assertThat(loaded.epochs().getFirst().steps(1)).isEqualTo(VcpuSequence.MAX_STEPS);
        assertThat(loaded.epochs().getFirst().steps(0)).isEqualTo(12);
        assertThat(loaded.current().load()).isEqualTo(current);
    }

    @ParameterizedTest
    @CsvSource({
        "godwit/workload, content, 2",
        "godwit/workload, zero_percentage, 101",
        "godwit/workload, write_bytes, 48",
        "godwit/workload, write_bytes, -1",
        "godwit/workload, vcpus, 3",
        "godwit/workload, loads, 0",
        "godwit/workload, loads, 2",
        "godwit/workload, loads, 65",
        "godwit/workload, loads, -1",
        "godwit/workload, layout, 5",
        "godwit/workload-load, pattern, 3",
        "godwit/workload-load, pages_per_second, -2",
        "godwit/workload-load, working_set_bytes, 4097",
        "godwit/workload-load, working_set_bytes, 4096",
        "godwit/workload-load, working_set_bytes, 1073741824",
        "godwit/workload-load, working_set_bytes, -4096",
        "godwit/workload-load, hot_write_percentage, 100",
        "godwit/workload-load, hot_set_percentage, 0",
        "godwit/workload-cpu, steps_0, -1",
        "godwit/workload-cpu, steps_0, 36028797018963969",
    })
    void a_value_that_cannot_be_is_refused(String device, String field, long value) {
        assertThatIOException()
                .isThrownBy(() -> ProgramState.load(changed(device, field, value), PROGRAM))
                .withMessageContaining("godwit/workload");
    }

    @Test
    void a_state_that_lacks_something_or_is_newer_is_refused() {
        MachineState state = ProgramState.save(PROGRAM, OPTIONS.load());
        for (int left = 0; left < state.devices().size(); left++) {
            MachineState part = new MachineState(state.devices().subList(0, left));
            assertThatIOException().isThrownBy(() -> ProgramState.load(part, PROGRAM));
        }
        DeviceState first = state.devices().getFirst();
        DeviceState newer = new DeviceState(first.idstr(), 0, 2, first.fields());
        assertThatIOException()
                .isThrownBy(() -> ProgramState.load(new MachineState(List.of(newer)), PROGRAM))
                .withMessageContaining("version 2");
    }

    @Test
    void a_machine_with_other_blocks_refuses_the_state() {
        MachineState state = ProgramState.save(PROGRAM, OPTIONS.load());
        Program other = Program.of(WorkloadOptions.ofRam(8 << 20).withVcpus(2));
        assertThatIOException()
                .isThrownBy(() -> ProgramState.load(state, other))
                .withMessageContaining("expected RAM blocks as this machine has");
    }

    private static MachineState changed(String idstr, String name, long value) {
        MachineState state = ProgramState.save(PROGRAM, OPTIONS.load());
        return new MachineState(state.devices().stream()
                .map(device -> device.idstr().equals(idstr) ? changed(device, name, value) : device)
                .toList());
    }

    private static DeviceState changed(DeviceState device, String name, long value) {
        Stream<StateField> fields = device.fields().stream()
                .map(field ->
                        field.name().equals(name) ? new StateField(name, field.type(), bytes(field, value)) : field);
        return new DeviceState(device.idstr(), device.instanceId(), device.versionId(), fields.toList());
    }

    private static byte[] bytes(StateField field, long value) {
        byte[] bytes = new byte[field.content().length];
        for (int at = 0; at < bytes.length; at++) {
            bytes[at] = (byte) (value >> (8 * (bytes.length - 1 - at)));
        }
        return bytes;
    }
}
