package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import java.io.IOException;

/** The chipset's reset at port 0xcf9, and the fast reset and A20 gate at port 0x92: device {@code godwit/reset}. */
final class ResetPorts implements SavedDevice {

    static final int CONTROL_PORT = 0xcf9;
    static final int FAST_PORT = 0x92;
    static final String IDSTR = "godwit/reset";

    private static final int VERSION = 1;
    private static final int CONTROL_DO_RESET = 4;
    private static final int FAST_DO_RESET = 1;
    private static final int FAST_A20 = 2;

    private final Runnable reset;
    private int control;

    ResetPorts(Runnable reset) {
        this.reset = reset;
    }

    @Override
    public int read(int port) {
        return port == CONTROL_PORT ? control : FAST_A20;
    }

    @Override
    public void write(int port, int value) {
        if (port == CONTROL_PORT) {
            control = value & ~CONTROL_DO_RESET;
        }
        if ((value & (port == CONTROL_PORT ? CONTROL_DO_RESET : FAST_DO_RESET)) != 0) {
            reset.run();
        }
    }

    @Override
    public String idstr() {
        return IDSTR;
    }

    @Override
    public DeviceState save() {
        return DeviceState.of(IDSTR, 0, VERSION).uint8("control", control).build();
    }

    @Override
    public void load(DeviceState saved) throws IOException {
        control = (int) saved.atMostVersion(VERSION).number("control", "uint8");
    }
}
