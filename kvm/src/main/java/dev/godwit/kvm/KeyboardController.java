package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import java.io.IOException;

/**
 * An 8042 at ports 0x60 and 0x64 with no keyboard or mouse on it: device {@code godwit/i8042}, version 1. What guests
 * want of it is its reset line; for the rest it answers its self-tests.
 */
final class KeyboardController implements SavedDevice {

    static final int CONTENT_PORT = 0x60;
    static final int COMMAND_PORT = 0x64;
    static final String IDSTR = "godwit/i8042";

    private static final int VERSION = 1;
    private static final int STATUS_OUTPUT_FULL = 1;
    private static final int STATUS_SYSTEM = 4;
    private static final int STATUS_UNLOCKED = 0x10;
    private static final int RESET = 0xfe;

    private final Runnable reset;
    private int command;
    private int mode = 0x30; // both ports disabled
    private int output;
    private boolean outputFull;

    KeyboardController(Runnable reset) {
        this.reset = reset;
    }

    @Override
    public int read(int port) {
        if (port == COMMAND_PORT) {
            return STATUS_UNLOCKED | STATUS_SYSTEM | (outputFull ? STATUS_OUTPUT_FULL : 0);
        }
        outputFull = false;
        return output;
    }

    @Override
    public void write(int port, int value) {
        if (port == CONTENT_PORT) {
            if (command == 0x60) {
                mode = value;
            }
            command = 0;
            return;
        }
        command = 0;
        switch (value) {
            case 0x20 -> answer(mode);
            case 0x60, 0xd1, 0xd4 -> command = value; // a byte follows at the other port
            case 0xa9 -> answer(2); // the mouse port's clock line is stuck: there is none
            case 0xaa -> answer(0x55);
            case 0xab -> answer(0);
            case 0xd0 -> answer(3); // not in reset, A20 open
            case RESET -> reset.run();
            default -> {
                // enabling and disabling ports that have nothing on them
            }
        }
    }

    private void answer(int value) {
        output = value;
        outputFull = true;
    }

    @Override
    public String idstr() {
        return IDSTR;
    }

    @Override
    public DeviceState save() {
        return DeviceState.of(IDSTR, 0, VERSION)
                .uint8("command", command)
                .uint8("mode", mode)
                .uint8("output", output)
                .uint8("output_full", outputFull ? 1 : 0)
                .build();
    }

    @Override
    public void load(DeviceState saved) throws IOException {
        DeviceState state = saved.atMostVersion(VERSION);
        command = (int) state.number("command", "uint8");
        mode = (int) state.number("mode", "uint8");
        output = (int) state.number("output", "uint8");
        outputFull = state.number("output_full", "uint8") != 0;
    }
}
