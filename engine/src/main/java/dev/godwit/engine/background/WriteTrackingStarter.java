package dev.godwit.engine.background;

import dev.godwit.engine.machine.Machine;
import java.io.IOException;

/** How this host tracks writes. */
public interface WriteTrackingStarter {

    /**
     * {@return the tracking of a machine's memory, with nothing protected yet} The machine may run.
     *
     * @throws IOException if the host cannot do it, or not for this memory; the memory is as it was
     */
    WriteTracking start(Machine machine) throws IOException;
}
