package dev.godwit.kvm;

import dev.godwit.engine.machine.DirtyLog;
import java.io.IOException;

/** A log of KVM's, which does not see what this program itself writes to the guest's memory and has to be told. */
interface KvmDirtyLog extends DirtyLog {

    /** Notes that a piece of the block is about to be, or was just, written by this program; from any thread. */
    void mark(long ramOffset, long lengthBytes);

    /** What the machine does when its log is closed. */
    interface Ending {
        void end() throws IOException;
    }
}
