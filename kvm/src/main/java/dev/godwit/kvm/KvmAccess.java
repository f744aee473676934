package dev.godwit.kvm;

import dev.godwit.linux.Errno;
import dev.godwit.linux.LinuxException;
import dev.godwit.linux.kvm.KvmCapability;
import dev.godwit.linux.kvm.KvmSystem;
import java.io.IOException;
import java.util.List;

/** Opens KVM, or says in one sentence what is in the way and what mends it. */
final class KvmAccess {

    private static final List<KvmCapability> NEEDED = List.of(
            KvmCapability.IRQCHIP,
            KvmCapability.PIT2,
            KvmCapability.IMMEDIATE_EXIT,
            KvmCapability.SREGS2,
            KvmCapability.XSAVE2);

    private KvmAccess() {}

    static KvmSystem open() throws IOException {
        KvmSystem system;
        try {
            system = KvmSystem.open();
        } catch (LinuxException e) {
            throw new IOException(sentence(e.errno()), e);
        }
        for (KvmCapability capability : NEEDED) {
            if (system.check(capability) == 0) {
                system.close();
                throw new IOException("this kernel's KVM lacks KVM_CAP_%s; the KVM machine needs Linux 5.17 or later"
                        .formatted(capability));
            }
        }
        return system;
    }

    static String sentence(Errno errno) {
        if (errno.equals(Errno.ENOENT) || errno.equals(Errno.ENXIO)) {
            return "there is no /dev/kvm: run `sudo modprobe kvm_intel || sudo modprobe kvm_amd`, or in a virtual "
                    + "machine switch nested virtualisation on at its host; `--machine workload` needs no KVM";
        }
        if (errno.equals(Errno.EACCES) || errno.equals(Errno.EPERM)) {
            return "/dev/kvm is not for this user: run `sudo usermod -aG kvm $USER` and log in again; "
                    + "`--machine workload` needs no KVM";
        }
        return "/dev/kvm: " + errno;
    }
}
