package dev.godwit.snapshot;

import dev.godwit.qemu.vmstate.DeviceField;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.FieldValue;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A field that is not the same in two states of a device.
 *
 * @param path the names from the outermost structure to the field, with dots between them
 * @param first its value as text; empty where only the second has it
 * @param second its value as text; empty where only the first has it
 */
public record FieldDifference(String path, Optional<String> first, Optional<String> second) {

    /** {@return the fields that differ, in the order of the first state, then those that only the second has} */
    public static List<FieldDifference> between(DeviceFields first, DeviceFields second) {
        Map<String, String> ones = new LinkedHashMap<>();
        Map<String, String> others = new LinkedHashMap<>();
        collect("", first.fields(), ones);
        collect("", second.fields(), others);
        List<FieldDifference> differences = new ArrayList<>();
        ones.forEach((path, value) -> {
            String other = others.remove(path);
            if (!value.equals(other)) {
                differences.add(new FieldDifference(path, Optional.of(value), Optional.ofNullable(other)));
            }
        });
        others.forEach(
                (path, value) -> differences.add(new FieldDifference(path, Optional.empty(), Optional.of(value))));
        return differences;
    }

    private static void collect(String prefix, List<DeviceField> fields, Map<String, String> values) {
        for (DeviceField field : fields) {
            collect(prefix + field.name(), field.value(), values);
        }
    }

    private static void collect(String path, FieldValue value, Map<String, String> values) {
        switch (value) {
            case FieldValue.Nested nested -> collect(path + ".", nested.fields(), values);
            case FieldValue.Elements elements -> {
                for (int i = 0; i < elements.values().size(); i++) {
                    collect(path + "[" + i + "]", elements.values().get(i), values);
                }
            }
            case FieldValue.Whole _, FieldValue.Flag _, FieldValue.FloatingPoint _, FieldValue.Opaque _ -> {
                // Names may repeat in one structure: later ones are numbered.
                String unique = path;
                for (int number = 2; values.containsKey(unique); number++) {
                    unique = path + "#" + number;
                }
                values.put(unique, value.text());
            }
        }
    }
}
