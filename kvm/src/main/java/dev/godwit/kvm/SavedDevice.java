package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import java.io.IOException;

/** A port device whose state moves with the guest. */
interface SavedDevice extends PortDevice {

    /** {@return its name in the state} */
    String idstr();

    /** {@return its state} */
    DeviceState save();

    /**
     * Takes a saved state over.
     *
     * @throws IOException if it is not one of this device's, with what was expected and found
     */
    void load(DeviceState state) throws IOException;
}
