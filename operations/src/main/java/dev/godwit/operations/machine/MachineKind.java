package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.qmp.server.QmpCommand;
import java.io.IOException;
import java.util.List;

/** A kind of machine that can be run. */
public interface MachineKind {

    /** A machine, and what can be done to it beside what can be done to any. */
    interface Made {

        /** {@return the machine, paused} */
        Machine machine();

        /** {@return its RAM as it is brought page by page, where its guest comes by postcopy} */
        PostcopyRam postcopyRam();

        /**
         * Tells it by whom it is hosted; once.
         *
         * @return its own QMP commands
         */
        List<QmpCommand> attach(GuestHost host);
    }

    /**
     * Makes a machine.
     *
     * @param incoming whether its guest comes by a migration
     * @throws IOException if the host cannot have it; nothing is left
     */
    Made make(boolean incoming) throws IOException;
}
