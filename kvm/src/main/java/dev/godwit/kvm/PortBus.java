package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.linux.kvm.KvmExit;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The I/O ports, and the one lock under which their devices live. A wide access is one byte after the other. Where
 * there is no device, reads give ones and writes are lost, as on a PC.
 */
final class PortBus {

    private static final int NOTHING = 0xff;

    private final Map<Integer, PortDevice> byPort = new HashMap<>();
    private final List<SavedDevice> devices = new ArrayList<>();

    /** Puts a device at ports; done before the machine runs. */
    synchronized void add(PortDevice device, int... ports) {
        if (device instanceof SavedDevice saved) {
            devices.add(saved);
        }
        for (int port : ports) {
            byPort.put(port, device);
        }
    }

    /** Serves an access of a vCPU. */
    synchronized void access(KvmExit.PortAccess access) {
        for (int element = 0; element < access.elements(); element++) {
            for (int i = 0; i < access.widthBytes(); i++) {
                long place = (long) element * access.widthBytes() + i;
                int port = access.port() + i;
                PortDevice device = byPort.get(port);
                if (access.isOut()) {
                    if (device != null) {
                        device.write(port, access.content().get(ValueLayout.JAVA_BYTE, place) & 0xff);
                    }
                } else {
                    int value = device == null ? NOTHING : device.read(port);
                    access.content().set(ValueLayout.JAVA_BYTE, place, (byte) value);
                }
            }
        }
    }

    /** {@return the states of all devices} */
    synchronized List<DeviceState> save() {
        return devices.stream().map(SavedDevice::save).toList();
    }

    /** Takes the states of all devices over. */
    synchronized void load(MachineState state) throws IOException {
        for (SavedDevice device : devices) {
            device.load(state.device(device.idstr(), 0));
        }
    }

    /** Runs something that concerns devices, under their lock. */
    synchronized <T> T locked(Supplier<T> task) {
        return task.get();
    }
}
