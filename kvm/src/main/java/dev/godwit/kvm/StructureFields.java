package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.StateField;
import dev.godwit.linux.kvm.KvmField;
import dev.godwit.linux.kvm.KvmStructure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/** KVM's structures as fields of a device's state, each number under its C name behind a prefix: {@code regs.rax}. */
final class StructureFields {

    private StructureFields() {}

    /** Adds every field of a structure. */
    static void add(List<StateField> fields, String prefix, KvmStructure.Value value) {
        byte[] bytes = value.bytes();
        for (KvmField field : value.kind().fields()) {
            String name = prefix + "." + field.name();
            if (field.isNumber()) {
                fields.add(number(name, field.widthBytes(), value.get(field)));
            } else {
                int end = field.offsetBytes() + field.widthBytes();
                fields.add(new StateField(name, "buffer", Arrays.copyOfRange(bytes, field.offsetBytes(), end)));
            }
        }
    }

    /** {@return the structure that {@link #add} put into a state} */
    static KvmStructure.Value read(DeviceState state, String prefix, KvmStructure kind) throws IOException {
        KvmStructure.Value value = kind.blank();
        for (KvmField field : kind.fields()) {
            String name = prefix + "." + field.name();
            if (field.isNumber()) {
                value.set(field, state.number(name, type(field.widthBytes())));
            } else {
                byte[] bytes = value.bytes();
                System.arraycopy(
                        state.buffer(name, field.widthBytes()), 0, bytes, field.offsetBytes(), field.widthBytes());
                value = KvmStructure.Value.of(kind, bytes);
            }
        }
        return value;
    }

    static StateField number(String name, int widthBytes, long number) {
        byte[] all = ByteBuffer.allocate(8).putLong(number).array();
        return new StateField(name, type(widthBytes), Arrays.copyOfRange(all, 8 - widthBytes, 8));
    }

    private static String type(int widthBytes) {
        return "uint" + 8 * widthBytes;
    }
}
