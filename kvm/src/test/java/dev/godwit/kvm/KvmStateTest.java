package dev.godwit.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.linux.Errno;
import dev.godwit.linux.kvm.CpuidEntry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A machine's state: what is in it, and which states are refused. */
class KvmStateTest {

    private static final long RAM_BYTES = 4L << 20;

    private static MachineState stateOfTheMemoryGuest() throws Exception {
        try (TestGuest guest = TestGuest.create(RAM_BYTES, TestGuest.memoryGuest("pages=4 report=4"))) {
            guest.machine.resume();
            guest.awaitLine("OK vcpu 0 rounds 4");
            guest.machine.pause();
            return guest.machine.save();
        }
    }

    private static MachineState with(MachineState state, String idstr, String field, UnaryOperator<byte[]> change) {
        List<DeviceState> devices = new ArrayList<>();
        for (DeviceState device : state.devices()) {
            List<StateField> fields = new ArrayList<>();
            for (StateField old : device.fields()) {
                fields.add(
                        device.idstr().equals(idstr) && old.name().equals(field)
                                ? new StateField(
                                        field,
                                        old.type(),
                                        change.apply(old.content().clone()))
                                : old);
            }
            devices.add(new DeviceState(device.idstr(), device.instanceId(), device.versionId(), fields));
        }
        return new MachineState(devices);
    }

    private static void refused(MachineState state, int vcpus, String message) throws IOException {
        try (TestGuest guest = TestGuest.create(
                RAM_BYTES, KvmMachineOptions.of(new Boot.Incoming()).withVcpus(vcpus))) {
            assertThatThrownBy(() -> guest.machine.load(state))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(message);
        }
    }

    @Test
    void a_state_has_every_device_with_its_fields_by_name() throws Exception {
        MachineState state = stateOfTheMemoryGuest();
        assertThat(state.devices().stream().map(DeviceState::idstr).distinct())
                .containsExactlyInAnyOrder(
                        "godwit/pic",
                        "godwit/ioapic",
                        "godwit/pit",
                        "godwit/kvmclock",
                        "godwit/cpu",
                        "godwit/serial",
                        "godwit/cmos",
                        "godwit/i8042",
                        "godwit/reset");
        DeviceState cpu = state.device("godwit/cpu", 0);
        assertThat(cpu.fields().stream().map(StateField::name).collect(Collectors.toSet()))
                .hasSize(cpu.fields().size())
                .contains("regs.rip", "sregs.cs.base", "xsave", "msr.00000010", "lapic.regs", "events.flags");
        assertThat(cpu.uint64("sregs.cr3")).isEqualTo(0x9000);
        assertThat(state.device("godwit/pit", 0).uint32("kvm.channels[0].count"))
                .isNotNegative();
    }

    @Test
    void a_state_that_was_loaded_is_saved_as_it_came() throws Exception {
        MachineState state = stateOfTheMemoryGuest();
        try (TestGuest guest = TestGuest.create(RAM_BYTES, KvmMachineOptions.of(new Boot.Incoming()))) {
            guest.machine.load(state);
            MachineState again = guest.machine.save();
            for (DeviceState device : state.devices()) {
                DeviceState copy = again.device(device.idstr(), device.instanceId());
                for (int i = 0; i < device.fields().size(); i++) {
                    StateField field = device.fields().get(i);
                    if (!goesOn(device, field)) {
                        assertThat(copy.fields().get(i).content())
                                .as(device.idstr() + " " + field.name())
                                .isEqualTo(field.content());
                    }
                }
            }
        }
    }

    /** Whether a field changes by itself: counters and clocks, and the timer's count of them. */
    private static boolean goesOn(DeviceState device, StateField field) {
        return field.name().equals("msr.00000010")
                || field.name().equals("lapic.regs")
                || device.idstr().equals("godwit/pit")
                || device.idstr().equals("godwit/pic");
    }

    @Test
    void a_guest_with_a_feature_that_the_host_lacks_is_refused_by_the_features_name() throws Exception {
        MachineState state = stateOfTheMemoryGuest();
        refused(
                with(state, "godwit/cpu", "cpuid", buffer -> {
                    ByteBuffer leaves = ByteBuffer.wrap(buffer);
                    for (int at = 0; at < buffer.length; at += 28) {
                        if (leaves.getInt(at) == 1) {
                            leaves.putInt(at + 16, leaves.getInt(at + 16) | (1 << 5)); // VMX, or
                            leaves.putInt(at + 20, leaves.getInt(at + 20) | (1 << 30)); // Itanium
                        }
                    }
                    return buffer;
                }),
                1,
                "ia64");
    }

    @Test
    void a_guest_of_another_number_of_vcpus_is_refused() throws Exception {
        refused(stateOfTheMemoryGuest(), 2, "the guest has 1 vCPUs, this machine 2");
    }

    @Test
    void a_damaged_list_of_cpuid_leaves_is_refused() throws Exception {
        refused(with(stateOfTheMemoryGuest(), "godwit/cpu", "cpuid", buffer -> new byte[27]), 1, "found 27 bytes");
    }

    @Test
    void xsave_state_of_another_length_is_refused() throws Exception {
        refused(with(stateOfTheMemoryGuest(), "godwit/cpu", "xsave", buffer -> new byte[512]), 1, "xsave");
    }

    @Test
    void more_serial_input_than_there_is_room_for_is_refused() throws Exception {
        refused(
                with(stateOfTheMemoryGuest(), "godwit/serial", "input_bytes", bytes -> new byte[] {0, 0, 4, 1}),
                1,
                "expected up to 1024 bytes of input");
    }

    @Test
    void a_state_without_a_device_is_refused() throws Exception {
        MachineState state = stateOfTheMemoryGuest();
        refused(
                new MachineState(state.devices().stream()
                        .filter(device -> !device.idstr().equals("godwit/ioapic"))
                        .toList()),
                1,
                "godwit/ioapic");
    }

    @Test
    void a_state_of_a_newer_version_is_refused() throws Exception {
        MachineState state = stateOfTheMemoryGuest();
        refused(
                new MachineState(state.devices().stream()
                        .map(device -> new DeviceState(device.idstr(), device.instanceId(), 2, device.fields()))
                        .toList()),
                1,
                "state of version 2");
    }

    @Test
    void a_running_machine_is_neither_saved_nor_loaded() throws Exception {
        try (TestGuest guest = TestGuest.create(RAM_BYTES, TestGuest.memoryGuest("pages=4"))) {
            guest.machine.resume();
            assertThatThrownBy(guest.machine::save).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> guest.machine.load(new MachineState(List.of())))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void cpuid_has_the_vendor_that_was_asked_for_and_an_apic_id_for_each_vcpu() {
        List<CpuidEntry> host = List.of(
                new CpuidEntry(0, 0, false, 13, 0x68747541, 0x444d4163, 0x69746e65),
                new CpuidEntry(1, 0, false, 0xb00f21, 0x01020800, 0, 0),
                new CpuidEntry(0xb, 0, true, 1, 2, 0x100, 1));
        List<CpuidEntry> third = CpuModel.of(host, 2, 4, true, Optional.of("GenuineIntel"));
        assertThat(third.getFirst()).isEqualTo(new CpuidEntry(0, 0, false, 13, 0x756e6547, 0x6c65746e, 0x49656e69));
        assertThat(third.get(1).ebx() >>> 24).isEqualTo(2);
        assertThat(third.get(2).edx()).isEqualTo(2);
    }

    @Test
    void without_kvm_the_user_is_told_what_mends_it() {
        assertThat(KvmAccess.sentence(Errno.ENOENT)).contains("sudo modprobe kvm_intel");
        assertThat(KvmAccess.sentence(Errno.EACCES)).contains("sudo usermod -aG kvm $USER");
    }
}
