package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.DeviceField;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.DeviceSections;
import dev.godwit.qemu.vmstate.GlobalState;
import dev.godwit.qemu.vmstate.SectionSplitter;
import dev.godwit.qemu.vmstate.StreamEnd;
import dev.godwit.qemu.vmstate.VmDescription;
import dev.godwit.qemu.vmstate.X86Cpu;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Device sections and their description: anything but a refusal with a position is a finding. */
class DeviceStateFuzzTest {

    private static final Configuration CONFIGURATION =
            new Configuration("pc-q35-10.0", OptionalInt.empty(), List.of(), Optional.empty());

    @FuzzTest
    void the_end_of_a_stream(byte[] tail) {
        try {
            DeviceSections split = SectionSplitter.split(tail, 0, List.of());
            VmState state = new VmState(CONFIGURATION, 1, split.sections(), split.vmdescription());
            List<DeviceFields> devices = DeviceFields.of(state);
            devices.forEach(DeviceStateFuzzTest::checkCovered);
            X86Cpu.of(devices);
            GlobalState.of(state.sections());
        } catch (StreamFormatException _) {
            // refused, as it may be
        }
        StreamEnd end = new StreamEnd();
        for (int length = 0; length <= tail.length; length++) {
            end.isComplete(tail, length);
        }
    }

    private static void checkCovered(DeviceFields device) {
        int lengthBytes = 0;
        for (DeviceField field : device.fields()) {
            lengthBytes += field.lengthBytes();
            if (field.lengthBytes() > 0 && field.value().text().isEmpty()) {
                throw new IllegalStateException("a field without a value: " + field.name());
            }
        }
        if (lengthBytes != device.section().payload().length) {
            throw new IllegalStateException(
                    "fields that do not cover " + device.section().name());
        }
    }

    @FuzzTest
    void a_postcopy_package(byte[] blob) {
        try {
            SectionSplitter.splitPackage(blob, 0);
        } catch (StreamFormatException _) {
            // refused, as it may be
        }
    }

    @FuzzTest
    void a_vmdescription(byte[] json) {
        try {
            VmDescription.parse(json, 0);
        } catch (StreamFormatException _) {
            // refused, as it may be
        }
    }
}
