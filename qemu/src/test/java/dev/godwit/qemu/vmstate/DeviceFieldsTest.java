package dev.godwit.qemu.vmstate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.Section;
import dev.godwit.qemu.SectionType;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.CapturedLayouts.Layout;
import dev.godwit.qemu.vmstate.CapturedLayouts.Listed;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DeviceFieldsTest {

    static Stream<Layout> described() {
        return CapturedLayouts.layoutsWith("VMDESCRIPTION");
    }

    @ParameterizedTest
    @MethodSource("described")
    void every_device_of_a_capture_is_described_to_its_last_byte(Layout layout) throws Exception {
        for (DeviceFields device : DeviceFields.of(state(layout))) {
            // slirp is saved in the old style: only it understands its bytes.
            assertThat(device.described())
                    .as(device.section().name())
                    .isEqualTo(!device.section().idstr().equals("slirp"));
            int at = 0;
            for (DeviceField field : device.fields()) {
                assertThat(field.offsetBytes()).isEqualTo(at);
                at += field.lengthBytes();
            }
            assertThat(at).isEqualTo(device.section().payload().length);
            assertSubsectionsRead(device.fields());
        }
    }

    private static void assertSubsectionsRead(List<DeviceField> fields) {
        for (DeviceField field : fields) {
            if (field.type().equals("subsection")) {
                assertThat(field.value()).as(field.name()).isInstanceOf(FieldValue.Nested.class);
            }
            if (field.value() instanceof FieldValue.Nested nested) {
                assertSubsectionsRead(nested.fields());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("described")
    void the_captured_guests_were_running_on_processors_in_protected_mode(Layout layout) throws Exception {
        VmState state = state(layout);
        GlobalState global = GlobalState.of(state.sections()).orElseThrow();
        assertThat(global.runState()).isIn("running", "paused");
        assertThat(global.suspended()).isFalse();

        List<X86Cpu> cpus = X86Cpu.of(DeviceFields.of(state));
        assertThat(cpus).hasSize(layout.file().startsWith("q35-many") ? 4 : 1);
        X86Cpu cpu = cpus.getFirst();
        assertThat(cpu.registers()).extracting(X86Cpu.Register::name).contains("rax", "r15", "rip", "cr3", "efer");
        assertThat(cpu.register("cr0").orElseThrow().value() & 1).isEqualTo(1);
        assertThat(cpu.register("rflags").orElseThrow().value() & 2).isEqualTo(2);
        assertThat(cpu.register("rip").orElseThrow().value()).isPositive().isLessThan(1L << 32);
        assertThat(cpu.segment("cs").orElseThrow().limit()).isEqualTo(0xffff_ffffL);
        assertThat(cpu.segments()).hasSize(10);
        assertThat(cpu.vectors()).hasSize(16);
    }

    @Test
    void the_last_element_of_an_array_gets_its_index_back() throws Exception {
        List<DeviceField> fields = decode("""
                [{"name": "a", "index": 0, "type": "uint8", "size": 1},
                 {"name": "a", "index": 1, "type": "int8", "size": 1},
                 {"name": "a", "type": "nullptr", "size": 1},
                 {"name": "b", "type": "bool", "size": 1},
                 {"name": "c", "array_len": 2, "type": "int16", "size": 2},
                 {"name": "d", "array_len": 3, "type": "uint8", "size": 1},
                 {"name": "e", "type": "uint64", "size": 8},
                 {"name": "f", "type": "uint32", "size": 3}]""", new byte[] {
            (byte) 0xff, (byte) 0xff, 0x30, 1, -1, -2, 0, 5, 7, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1, 1, 2, 3
        });

        assertThat(fields.toString())
                .isEqualTo(
                        "[a[0]=255, a[1]=-1, a[2]=30, b=true, c=[-2, 5], d=070809, e=18446744073709551615, f=010203]");
    }

    @Test
    void arrays_without_length_make_no_values() throws Exception {
        assertThat(decode(
                                "[{\"name\": \"a\", \"array_len\": 2147483647, \"type\": \"uint8\", \"size\": 0}]",
                                new byte[0])
                        .toString())
                .isEqualTo("[a=]");
    }

    @Test
    void a_description_of_another_length_leaves_the_device_opaque() throws Exception {
        assertThat(decode("[{\"name\": \"a\", \"type\": \"uint8\", \"size\": 2}]", new byte[] {1, 2, 3})
                        .toString())
                .isEqualTo("[data=010203]");
    }

    @Test
    void many_values_in_many_arrays_stay_bounded() throws Exception {
        byte[] payload = new byte[4_000_000];
        List<DeviceField> fields = decode("""
                [{"name": "a", "array_len": 2000000, "type": "struct", "size": 2, "struct":
                  {"vmsd_name": "s", "version": 1, "fields": [
                   {"name": "b", "type": "uint8", "size": 1}, {"name": "c", "type": "uint8", "size": 1}]}}]""", payload);
        assertThat(fields.getFirst().value()).isInstanceOf(FieldValue.Opaque.class);
    }

    @Test
    void a_global_state_that_is_none_is_refused() {
        for (byte[] payload : List.of(new byte[10], new byte[104], filled((byte) 'a'), filled((byte) 1))) {
            assertThatThrownBy(() -> GlobalState.of(List.of(section("globalstate", payload))))
                    .isInstanceOf(StreamFormatException.class);
        }
    }

    @Test
    void a_machine_without_global_state_has_none() throws Exception {
        assertThat(GlobalState.of(List.of(section("timer", new byte[8])))).isEmpty();
    }

    private static byte[] filled(byte value) {
        byte[] bytes = new byte[104];
        Arrays.fill(bytes, value);
        return bytes;
    }

    private static Section section(String idstr, byte[] payload) {
        return new Section(SectionType.FULL, 1, idstr, 0, 1, payload, false);
    }

    private static List<DeviceField> decode(String fields, byte[] payload) throws StreamFormatException {
        String json =
                "{\"devices\": [{\"name\": \"x\", \"instance_id\": 0, \"vmsd_name\": \"x\", \"version\": 1, \"fields\": "
                        + fields + "}]}";
        VmState state = new VmState(
                new Configuration("pc-i440fx-10.0", OptionalInt.empty(), List.of(), Optional.empty()),
                1,
                List.of(section("x", payload)),
                Optional.of(json.getBytes(StandardCharsets.UTF_8)));
        return DeviceFields.of(state).getFirst().fields();
    }

    private static VmState state(Layout layout) throws StreamFormatException {
        byte[] stream = layout.bytes();
        List<Section> sections = new ArrayList<>();
        for (Listed listed : layout.devices(true)) {
            int start = listed.at() + 14 + listed.idstr().length();
            byte[] payload = Arrays.copyOfRange(stream, start, start + listed.payloadBytes());
            sections.add(new Section(
                    SectionType.FULL,
                    listed.sectionId(),
                    listed.idstr(),
                    listed.instanceId(),
                    listed.versionId(),
                    payload,
                    true));
        }
        int tail = layout.devices(false).getFirst().at();
        DeviceSections split = SectionSplitter.split(Arrays.copyOfRange(stream, tail, stream.length), tail, sections);
        sections.addAll(split.sections());
        return new VmState(
                new Configuration("pc-i440fx-10.0", OptionalInt.empty(), List.of(), Optional.empty()),
                1,
                sections,
                split.vmdescription());
    }
}
