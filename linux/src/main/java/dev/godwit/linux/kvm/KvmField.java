package dev.godwit.linux.kvm;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A number, or a run of bytes, in a structure of KVM.
 *
 * @param name the C name, with dots and indexes where it lies deeper: {@code cs.base}, {@code channels[0].count}
 * @param offsetBytes where it starts
 * @param widthBytes 1, 2, 4 or 8 for a number; any length for bytes
 * @param isNumber whether it is a number; if not it is bytes
 */
public record KvmField(String name, int offsetBytes, int widthBytes, boolean isNumber) {

    /** {@return all fields of a layout, in order, without its padding} */
    static List<KvmField> of(MemoryLayout layout) {
        List<KvmField> fields = new ArrayList<>();
        walk(layout, "", 0, fields);
        return List.copyOf(fields);
    }

    private static void walk(MemoryLayout layout, String name, int offsetBytes, List<KvmField> fields) {
        switch (layout) {
            case PaddingLayout _ -> {}
            case ValueLayout _ -> fields.add(new KvmField(name, offsetBytes, (int) layout.byteSize(), true));
            case GroupLayout group -> {
                int place = offsetBytes;
                for (MemoryLayout member : group.memberLayouts()) {
                    String own = member.name().orElse("");
                    walk(member, name.isEmpty() ? own : name + "." + own, place, fields);
                    place += (int) member.byteSize();
                }
            }
            case SequenceLayout sequence
            when sequence.elementLayout().byteSize() == 1 ->
                fields.add(new KvmField(name, offsetBytes, (int) sequence.byteSize(), false));
            case SequenceLayout sequence -> {
                int elementBytes = (int) sequence.elementLayout().byteSize();
                for (int i = 0; i < sequence.elementCount(); i++) {
                    walk(sequence.elementLayout(), name + "[" + i + "]", offsetBytes + i * elementBytes, fields);
                }
            }
        }
    }
}
