package dev.godwit.linux;

import dev.godwit.linux.calls.IoctlCalls;
import java.nio.file.Path;

/** Whether this user can make virtual machines with {@code /dev/kvm}. */
public final class Kvm {

    static final long KVM_GET_API_VERSION = 0xAE00;

    private static final Path DEVICE = Path.of("/dev/kvm");

    private Kvm() {}

    /** What this kernel and this user's rights allow. */
    public sealed interface Support {
        /**
         * The device opens.
         *
         * @param apiVersion what the kernel says; 12 is the only version that programs are meant to use
         */
        record Available(int apiVersion) implements Support {}

        /**
         * The device does not open.
         *
         * @param errno why: {@link Errno#ENOENT} without KVM in this kernel, {@link Errno#EACCES} without the right
         */
        record Refused(Errno errno) implements Support {}
    }

    /** {@return whether KVM can be used, asked of the kernel} */
    public static Support probe() {
        try (OpenFile device = OpenFile.open(DEVICE, OpenFlag.WRITE)) {
            return new Support.Available(
                    (int) device.descriptor().check("ioctl", fd -> IoctlCalls.ioctl(fd, KVM_GET_API_VERSION, 0)));
        } catch (LinuxException e) {
            return new Support.Refused(e.errno());
        }
    }
}
