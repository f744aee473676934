package dev.godwit.engine.machine;

import java.io.IOException;
import java.util.List;

/**
 * Everything of a paused machine but its RAM.
 *
 * @param devices in the order in which they are loaded
 */
public record MachineState(List<DeviceState> devices) {

    /** Copies the list. */
    public MachineState {
        devices = List.copyOf(devices);
    }

    /**
     * {@return the state of a device}
     *
     * @throws IOException if it is not there
     */
    public DeviceState device(String idstr, int instanceId) throws IOException {
        for (DeviceState device : devices) {
            if (device.idstr().equals(idstr) && device.instanceId() == instanceId) {
                return device;
            }
        }
        throw new IOException("the saved state has no device %s, instance %d".formatted(idstr, instanceId));
    }
}
