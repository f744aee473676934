package dev.godwit.qemu;

import java.io.IOException;

/** Refuses a stream by its configuration, before anything of it is kept. */
public interface ConfigurationCheck {

    /** One that refuses nothing. */
    ConfigurationCheck NONE = configuration -> {};

    /**
     * Does nothing where the configuration is right.
     *
     * @throws IOException if it is not, with what was expected and found
     */
    void check(Configuration configuration) throws IOException;
}
