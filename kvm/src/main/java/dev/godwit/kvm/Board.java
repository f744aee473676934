package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.kvm.KvmExit;
import dev.godwit.linux.kvm.KvmStructure;
import dev.godwit.linux.kvm.KvmVm;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * What is on the machine's board besides vCPUs and RAM: in the kernel two 8259s ({@code godwit/pic}, 0 and 1), the I/O
 * APIC ({@code godwit/ioapic}), the 8254 ({@code godwit/pit}) and the paravirtual clock ({@code godwit/kvmclock}), each
 * of version 1 with KVM's fields by their C names; and in this program the devices at I/O ports.
 */
final class Board implements AutoCloseable {

    private static final int VERSION = 1;
    private static final int DEBUG_PORT = 0xe9;
    private static final String CLOCK_IDSTR = "godwit/kvmclock";
    private static final String CLOCK_FIELD = "clock";

    /** A chip in the kernel under its name in the state; in the order of loading. */
    private record Chip(String idstr, int instanceId, KvmStructure kind) {}

    private static final List<Chip> CHIPS = List.of(
            new Chip("godwit/pic", 0, KvmStructure.PIC_MASTER),
            new Chip("godwit/pic", 1, KvmStructure.PIC_SLAVE),
            new Chip("godwit/ioapic", 0, KvmStructure.IOAPIC),
            new Chip("godwit/pit", 0, KvmStructure.PIT));

    private final KvmVm vm;
    private final Consumer<GuestEnd> onEnd;
    private final PortBus bus = new PortBus();
    private final SerialOutput serialOutput;
    private final SerialPort serial;

    /** Makes all of it; before the first vCPU, because each gets its local APIC with it. */
    Board(KvmVm vm, GuestAddresses guest, KvmMachineOptions options, Consumer<GuestEnd> onEnd) throws LinuxException {
        this.vm = vm;
        this.onEnd = onEnd;
        vm.setTssAddress(KvmMachine.TSS_GPA, KvmMachine.IDENTITY_MAP_GPA);
        vm.createIrqchip();
        vm.createPit();
        serialOutput = new SerialOutput(options.serialOutput());
        serial = new SerialPort(serialOutput, this::setSerialLine);
        serialOutput.onRoom(() -> bus.locked(() -> {
            serial.outputHasRoom();
            return true;
        }));
        bus.add(serial, ports(SerialPort.BASE_PORT, 8));
        bus.add(new Cmos(Clock.systemUTC(), guest.lowBytes(), guest.highBytes()), Cmos.INDEX_PORT, Cmos.CONTENT_PORT);
        bus.add(
                new KeyboardController(() -> onEnd.accept(new GuestEnd.Shutdown("a reset by the keyboard controller"))),
                KeyboardController.CONTENT_PORT,
                KeyboardController.COMMAND_PORT);
        bus.add(
                new ResetPorts(() -> onEnd.accept(new GuestEnd.Shutdown("a reset by the chipset"))),
                ResetPorts.CONTROL_PORT,
                ResetPorts.FAST_PORT);
        bus.add(new DebugPort(options.debugOutput()), DEBUG_PORT);
    }

    private static int[] ports(int first, int count) {
        int[] ports = new int[count];
        for (int i = 0; i < count; i++) {
            ports[i] = first + i;
        }
        return ports;
    }

    private void setSerialLine(boolean isHigh) {
        try {
            vm.setIrqLine(SerialPort.IRQ, isHigh);
        } catch (LinuxException e) {
            onEnd.accept(new GuestEnd.Failure(e.toString()));
        }
    }

    void access(KvmExit.PortAccess access) {
        bus.access(access);
    }

    int serialInput(byte[] bytes) {
        return bus.locked(() -> serial.receive(bytes, 0));
    }

    /** {@return the states of the chips in the kernel} */
    List<DeviceState> saveChips() throws IOException {
        List<DeviceState> states = new ArrayList<>();
        for (Chip chip : CHIPS) {
            List<StateField> fields = new ArrayList<>();
            StructureFields.add(fields, "kvm", vm.get(chip.kind));
            states.add(new DeviceState(chip.idstr, chip.instanceId, VERSION, fields));
        }
        return states;
    }

    /** {@return the states of the devices in this program} */
    List<DeviceState> saveDevices() {
        return bus.save();
    }

    /** Takes the states of all but the clock over, chips first. */
    void load(MachineState state) throws IOException {
        for (Chip chip : CHIPS) {
            DeviceState saved = state.device(chip.idstr, chip.instanceId).atMostVersion(VERSION);
            vm.set(StructureFields.read(saved, "kvm", chip.kind));
        }
        bus.load(state);
    }

    /** {@return the paravirtual clock as a device's state: nanoseconds since the guest's boot} */
    static DeviceState saveClock(KvmStructure.Value clock) {
        return DeviceState.of(CLOCK_IDSTR, 0, VERSION)
                .uint64(CLOCK_FIELD, clock.get(CLOCK_FIELD))
                .build();
    }

    static KvmStructure.Value loadClock(MachineState state) throws IOException {
        DeviceState saved = state.device(CLOCK_IDSTR, 0).atMostVersion(VERSION);
        return KvmStructure.CLOCK.blank().set(CLOCK_FIELD, saved.uint64(CLOCK_FIELD));
    }

    /** {@return the clock without its flags, so that the kernel does not add the time for which it stood} */
    static KvmStructure.Value standingClock(KvmStructure.Value clock) {
        return KvmStructure.CLOCK.blank().set(CLOCK_FIELD, clock.get(CLOCK_FIELD));
    }

    @Override
    public void close() {
        serialOutput.close();
    }

    /** Port 0xe9: what is written goes out; a guest that reads 0xe9 knows that it is there. Without state. */
    private record DebugPort(OutputStream output) implements PortDevice {

        @Override
        public int read(int port) {
            return DEBUG_PORT;
        }

        @Override
        public void write(int port, int value) {
            try {
                output.write(value);
            } catch (IOException e) {
                // Nobody listens any more; the guest does not depend on it.
            }
        }
    }
}
