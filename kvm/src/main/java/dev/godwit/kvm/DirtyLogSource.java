package dev.godwit.kvm;

import dev.godwit.engine.machine.DirtyLog;
import dev.godwit.ram.GuestMemory;
import java.io.IOException;

/** A way to log a machine's writes from outside of it, by what the host knows of the memory. */
public interface DirtyLogSource {

    /** {@return the method's name, for example {@code pagemap-scan}} */
    String method();

    /** {@return a log of this memory, which has begun} */
    DirtyLog start(GuestMemory memory) throws IOException;
}
