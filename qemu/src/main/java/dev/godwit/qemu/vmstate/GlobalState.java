package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.machine.DeviceState;
import dev.godwit.qemu.Section;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * The device section {@code globalstate}: the run state that the source was in before it stopped for the migration
 * (qemu-migration specification section 1.6).
 *
 * <pre>
 *  0  u32  length of the name with its NUL
 *  4  32   name of the run state, padded with NUL
 * 36  u8   whether the next byte counts
 * 37  u8   whether the guest was suspended
 * 38  66   zero
 * </pre>
 *
 * @param runState for example {@code running} or {@code paused}; the destination starts the guest only where it is
 *     {@code running}
 * @param suspended whether the guest had been suspended before it was stopped
 */
public record GlobalState(String runState, boolean suspended) {

    /** The run state of a guest that runs. */
    public static final String RUNNING = "running";

    static final String IDSTR = "globalstate";
    private static final int NAME_AT = 4;
    private static final int NAME_BYTES = 32;
    private static final int UNUSED_BYTES = 66;
    private static final int SUSPENDED_AT = NAME_AT + NAME_BYTES;

    /**
     * {@return the section of a run state}
     *
     * @param runState the name, 1 to 31 ASCII characters
     */
    static DeviceState device(String runState) {
        byte[] name = Arrays.copyOf(runState.getBytes(StandardCharsets.US_ASCII), NAME_BYTES);
        return DeviceState.of(IDSTR, 0, 1)
                .uint32("size", runState.length() + 1)
                .buffer("runstate", name)
                .uint8("has_vm_was_suspended", 1)
                .uint8("vm_was_suspended", 0)
                .buffer("unused", new byte[UNUSED_BYTES])
                .build();
    }

    /** {@return whether a destination starts the guest at once} */
    public boolean isRunning() {
        return runState.equals(RUNNING);
    }

    /**
     * {@return the global state among a machine's sections; empty where there is none, which destinations take as
     * running}
     *
     * @throws StreamFormatException if the section is too short, or its name is none; the position is the payload's
     */
    public static Optional<GlobalState> of(Iterable<Section> sections) throws StreamFormatException {
        for (Section section : sections) {
            if (section.idstr().equals(IDSTR)) {
                return Optional.of(read(section.payload()));
            }
        }
        return Optional.empty();
    }

    private static GlobalState read(byte[] payload) throws StreamFormatException {
        if (payload.length < SUSPENDED_AT + 2) {
            throw new StreamFormatException(
                    0, IDSTR, "at least " + (SUSPENDED_AT + 2) + " bytes", payload.length + " bytes");
        }
        int end = NAME_AT;
        while (end < SUSPENDED_AT && payload[end] != 0) {
            if (payload[end] <= ' ' || payload[end] == 0x7f) {
                throw new StreamFormatException(end, IDSTR, "a run state in ASCII", "0x%02x".formatted(payload[end]));
            }
            end++;
        }
        if (end == NAME_AT || end == SUSPENDED_AT) {
            throw new StreamFormatException(
                    NAME_AT, IDSTR, "a run state of 1 to 31 characters", (end - NAME_AT) + " characters");
        }
        String name = new String(payload, NAME_AT, end - NAME_AT, StandardCharsets.US_ASCII);
        return new GlobalState(name, payload[SUSPENDED_AT] != 0 && payload[SUSPENDED_AT + 1] != 0);
    }
}
