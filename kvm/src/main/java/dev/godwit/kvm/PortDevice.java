package dev.godwit.kvm;

/**
 * A device that the guest reaches by I/O ports of one byte. All calls are made under the lock of the {@link PortBus}.
 */
interface PortDevice {

    /** {@return what the guest reads} */
    int read(int port);

    /** The guest writes. */
    void write(int port, int value);
}
