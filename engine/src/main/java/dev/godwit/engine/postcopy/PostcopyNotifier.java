package dev.godwit.engine.postcopy;

import java.io.IOException;

/** Somebody else who uses the guest's memory, and is told how an incoming postcopy goes; a port. */
@FunctionalInterface
public interface PostcopyNotifier {

    /** What is told, in this order (qemu-migration specification section 9.7). */
    enum Moment {
        /** Is postcopy possible at all? */
        PROBE,
        /** It may come: memory is emptied next. */
        INBOUND_ADVISE,
        /** Missing pages are asked for from now on. */
        INBOUND_LISTEN,
        /** Every page is here; nobody is woken any more after this. */
        INBOUND_END
    }

    /**
     * Something happens.
     *
     * @throws IOException to veto it, which fails the migration; at {@code INBOUND_END} it is only logged, for every
     *     page is here
     */
    void at(Moment moment) throws IOException;
}
