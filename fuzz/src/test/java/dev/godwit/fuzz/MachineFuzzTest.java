package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.ConfigurationSection;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.GlobalState;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.qemu.vmstate.X86Cpu;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** What is said of a machine: anything but an answer or a refusal is a finding. */
class MachineFuzzTest {

    private static final Configuration CONFIGURATION =
            new Configuration("pc-q35-10.0", OptionalInt.empty(), List.of(), Optional.empty());

    @FuzzTest
    void a_configuration(byte[] section) {
        try {
            ConfigurationSection.read(ByteInput.of(section));
        } catch (IOException _) {
            // refused, as it may be
        }
    }

    /** Strings and payloads with a length byte before them; the last string is the vmdescription. */
    @FuzzTest
    void device_state_with_a_description_of_its_own(byte[] input) {
        ByteBuffer bytes = ByteBuffer.wrap(input);
        List<Section> sections = new ArrayList<>();
        for (int count = bytes.hasRemaining() ? bytes.get() & 7 : 0; count > 0; count--) {
            String name = new String(counted(bytes), StandardCharsets.UTF_8);
            int version = bytes.hasRemaining() ? bytes.get() : 0;
            sections.add(new Section(SectionType.FULL, count, name, 0, version, counted(bytes), false));
        }
        byte[] json = Arrays.copyOfRange(input, bytes.position(), input.length);
        VmState state = new VmState(CONFIGURATION, 1, sections, Optional.of(json));
        try {
            GlobalState.of(sections);
        } catch (StreamFormatException _) {
            // refused, as it may be
        }
        try {
            X86Cpu.of(DeviceFields.of(state));
        } catch (StreamFormatException _) {
            // refused, as it may be
        }
    }

    /** A machine's name, then the lengths of its blocks in pages. */
    @FuzzTest
    void a_memory_map(byte[] input) {
        ByteBuffer bytes = ByteBuffer.wrap(input);
        String machineType = new String(counted(bytes), StandardCharsets.UTF_8);
        List<RamBlock> blocks = new ArrayList<>();
        for (String id : List.of("pc.ram", "microvm.ram", "pc.bios", "vga")) {
            if (bytes.remaining() >= 4) {
                blocks.add(new RamBlock(id, ((bytes.getInt() & 0xffff_ffffL) + 1) << 12));
            }
        }
        RamLayout layout;
        try {
            layout = new RamLayout(blocks);
        } catch (IllegalArgumentException _) {
            return; // longer than any machine
        }
        MachineMemoryMap map = MachineMemoryMap.of(machineType, layout);
        for (MachineMemoryMap.Range range : map.ranges()) {
            long blockBytes = layout.block(range.blockIndex()).lengthBytes();
            if (range.lengthBytes() <= 0 || range.offsetBytes() > blockBytes - range.lengthBytes()) {
                throw new AssertionError("a range outside its block: " + range + " of " + layout);
            }
            long gpa = map.gpa(range.blockIndex(), range.offsetBytes()).orElseThrow();
            if (gpa != range.gpa() || map.place(gpa).isEmpty()) {
                throw new AssertionError("a range that is not where it says: " + range);
            }
        }
    }

    private static byte[] counted(ByteBuffer bytes) {
        int wanted = bytes.hasRemaining() ? bytes.get() & 0xff : 0;
        byte[] result = new byte[Math.min(wanted, bytes.remaining())];
        bytes.get(result);
        return result;
    }
}
