package dev.godwit.qemu;

import java.io.IOException;

/** Hears of the moment in a postcopy from which on the source does not run its guest any more. */
public interface GuestGivenUp {

    /**
     * The source has given its guest up: the device state is here, and of RAM what was not discarded. The rest follows.
     *
     * @param state everything but the pages
     * @throws IOException if that cannot be kept; the migration fails
     */
    void givenUp(VmState state) throws IOException;
}
