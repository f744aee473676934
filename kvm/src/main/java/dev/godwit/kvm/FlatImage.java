package dev.godwit.kvm;

import dev.godwit.linux.kvm.KvmVcpu;
import java.io.IOException;

/** Puts a program without format into memory, see {@link Boot.Flat}. */
final class FlatImage {

    /** Where it begins. */
    static final int LOAD_GPA = 0x100000;

    private FlatImage() {}

    /** Loads it; {@return what makes the first vCPU enter it} */
    static VcpuThread.Work<Boolean> load(Boot.Flat boot, GuestAddresses guest, int vcpus) throws IOException {
        byte[] image = BootFiles.read(boot.image(), guest.lowBytes() - LOAD_GPA);
        guest.write(LOAD_GPA, image);
        LongMode.writeTables(guest);
        LongMode.writeCommandLine(guest, boot.append(), LongMode.COMMAND_LINE_BYTES - 1L);
        long ramBytes = guest.lowBytes() + guest.highBytes();
        return vcpu -> enter(vcpu, ramBytes, vcpus);
    }

    private static boolean enter(KvmVcpu vcpu, long ramBytes, int vcpus) throws IOException {
        LongMode.enter(vcpu, LOAD_GPA, ramBytes, LongMode.COMMAND_LINE_GPA, vcpus);
        return true;
    }
}
