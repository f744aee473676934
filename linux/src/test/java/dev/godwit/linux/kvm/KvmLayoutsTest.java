package dev.godwit.linux.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds every structure, number and flag of the KVM bindings against the C compiler's word. */
class KvmLayoutsTest {

    /** Each layout by the C expression of its type, and the member that its fields are in. */
    private static final Map<String, StructLayout> LAYOUTS = new LinkedHashMap<>();

    private static Map<String, Long> header = Map.of();

    @BeforeAll
    static void ask_the_compiler(@TempDir Path dir) throws Exception {
        assumeThat(isOnPath("cc"))
                .as("KVM's layouts are not checked: this machine has no C compiler named cc")
                .isTrue();
        for (StructLayout layout : new StructLayout[] {
            KvmLayouts.REGS,
            KvmLayouts.SREGS2,
            KvmLayouts.XCRS,
            KvmLayouts.DEBUGREGS,
            KvmLayouts.VCPU_EVENTS,
            KvmLayouts.MP_STATE,
            KvmLayouts.LAPIC_STATE,
            KvmLayouts.XSAVE,
            KvmLayouts.MSR_ENTRY,
            KvmLayouts.CPUID_ENTRY2,
            KvmLayouts.PIT_STATE2,
            KvmLayouts.CLOCK_DATA,
            KvmLayouts.USERSPACE_MEMORY_REGION,
            KvmLayouts.DIRTY_LOG,
            KvmLayouts.CLEAR_DIRTY_LOG,
            KvmLayouts.DIRTY_GFN,
            KvmLayouts.ENABLE_CAP,
            KvmLayouts.IRQ_LEVEL,
            KvmLayouts.PIT_CONFIG
        }) {
            LAYOUTS.put(layout.name().orElseThrow(), layout);
        }
        Path source = dir.resolve("kvm-layouts.c");
        Files.writeString(source, program());
        Path binary = dir.resolve("kvm-layouts");
        run("cc", "-o", binary.toString(), source.toString());
        header = new TreeMap<>();
        run(binary.toString()).lines().forEach(line -> {
            int space = line.lastIndexOf(' ');
            header.put(line.substring(0, space), Long.parseUnsignedLong(line.substring(space + 1)));
        });
    }

    @Test
    void structures_are_what_the_headers_say() {
        LAYOUTS.forEach((type, layout) -> {
            assertThat(header).containsEntry(type, layout.byteSize());
            expectFields(type, layout, "", 0);
        });
    }

    @Test
    void the_interrupt_controllers_union_is_read_as_the_headers_say() {
        assertThat(header).containsEntry("kvm_irqchip", KvmLayouts.PIC.byteSize());
        assertThat(KvmLayouts.IOAPIC.byteSize()).isEqualTo(KvmLayouts.PIC.byteSize());
        expectIrqchip("pic", KvmLayouts.PIC);
        expectIrqchip("ioapic", KvmLayouts.IOAPIC);
    }

    @Test
    void the_head_of_a_run_and_the_details_of_an_exit_are_what_the_headers_say() {
        expectFields("kvm_run", KvmLayouts.RUN, "", 0);
        expectFields("kvm_run", KvmLayouts.RUN_IO, "io.", 32);
        expectFields("kvm_run", KvmLayouts.RUN_MMIO, "mmio.", 32);
        expectFields("kvm_run", KvmLayouts.RUN_EMULATION_FAILURE, "emulation_failure.", 32);
        assertThat(KvmLayouts.RUN.byteSize()).isEqualTo(32);
    }

    @Test
    void requests_and_flags_are_what_the_headers_say() throws IllegalAccessException {
        int checked = 0;
        for (Field field : KvmRequests.class.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) && header.containsKey(field.getName())) {
                assertThat(header).containsEntry(field.getName(), ((Number) field.get(null)).longValue());
                checked++;
            }
        }
        assertThat(checked).isGreaterThan(40);
    }

    @Test
    void capabilities_are_what_the_headers_say() {
        for (KvmCapability capability : KvmCapability.values()) {
            String name = "KVM_CAP_" + capability.name();
            if (header.containsKey(name)) { // an older header may lack the newest
                assertThat(header).containsEntry(name, (long) capability.number());
            }
        }
    }

    private static void expectFields(String type, MemoryLayout layout, String member, long base) {
        for (KvmField field : KvmField.of(layout)) {
            assertThat(header).containsEntry(type + "." + member + field.name(), base + field.offsetBytes());
        }
    }

    private static void expectIrqchip(String member, MemoryLayout layout) {
        for (KvmField field : KvmField.of(layout)) {
            String name = field.name().equals("chip_id") ? "chip_id" : "chip." + member + "." + field.name();
            assertThat(header).containsEntry("kvm_irqchip." + name, (long) field.offsetBytes());
        }
    }

    private static String program() {
        StringBuilder c = new StringBuilder("""
                #include <linux/kvm.h>
                #include <stddef.h>
                #include <stdio.h>
                int main(void) {
                """);
        LAYOUTS.forEach((type, layout) -> {
            c.append(size(type));
            KvmField.of(layout).forEach(field -> c.append(offset(type, field.name())));
        });
        c.append(size("kvm_irqchip")).append(offset("kvm_irqchip", "chip_id"));
        KvmField.of(KvmLayouts.PIC).stream()
                .filter(field -> !field.name().equals("chip_id"))
                .forEach(field -> c.append(offset("kvm_irqchip", "chip.pic." + field.name())));
        KvmField.of(KvmLayouts.IOAPIC).stream()
                .filter(field -> !field.name().equals("chip_id"))
                .forEach(field -> c.append(offset("kvm_irqchip", "chip.ioapic." + field.name())));
        KvmField.of(KvmLayouts.RUN).forEach(field -> c.append(offset("kvm_run", field.name())));
        KvmField.of(KvmLayouts.RUN_IO).forEach(field -> c.append(offset("kvm_run", "io." + field.name())));
        KvmField.of(KvmLayouts.RUN_MMIO).forEach(field -> c.append(offset("kvm_run", "mmio." + field.name())));
        KvmField.of(KvmLayouts.RUN_EMULATION_FAILURE)
                .forEach(field -> c.append(offset("kvm_run", "emulation_failure." + field.name())));
        for (Field field : KvmRequests.class.getDeclaredFields()) {
            c.append(value(field.getName()));
        }
        for (KvmCapability capability : KvmCapability.values()) {
            c.append(value("KVM_CAP_" + capability.name()));
        }
        return c.append("return 0;\n}\n").toString();
    }

    private static String size(String type) {
        return "printf(\"%s %%zu\\n\", sizeof(struct %s));\n".formatted(type, type);
    }

    private static String offset(String type, String field) {
        return "printf(\"%s.%s %%zu\\n\", offsetof(struct %s, %s));\n".formatted(type, field, type, field);
    }

    private static String value(String name) {
        return "#ifdef %s\nprintf(\"%s %%lu\\n\", (unsigned long) (%s));\n#endif\n".formatted(name, name, name);
    }

    @SuppressWarnings("StringSplitter") // an empty element of the PATH is no folder and does no harm
    private static boolean isOnPath(String program) {
        String path = System.getenv().getOrDefault("PATH", "");
        for (String folder : path.split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return true;
            }
        }
        return false;
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }
}
