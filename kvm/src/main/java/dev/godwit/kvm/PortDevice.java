package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import java.io.IOException;

/**
 * A device that the guest reaches by I/O ports of one byte. All calls are made under the lock of the {@link PortBus}.
 */
interface PortDevice {

    /** {@return what the guest reads} */
    int read(int port);

    /** The guest writes. */
    void write(int port, int value);

    /** {@return its state} */
    DeviceState save();

    /** Takes a saved state over. */
    void load(DeviceState state) throws IOException;
}
