package dev.godwit.cli;

import java.util.Optional;

/**
 * One thing that the doctor looked at.
 *
 * @param name what, for programs: {@code userfaultfd.device}
 * @param state how it is
 * @param text what was found, for people
 * @param remedy the command that mends it, or what to do; empty where nothing is missing
 */
record Finding(String name, State state, String text, Optional<String> remedy) {

    enum State {
        /** It works. */
        OK,
        /** It is missing, and something of Godwit does without it or goes another way. */
        LIMITED,
        /** It is missing, and something of Godwit does not work without it. */
        MISSING
    }

    static Finding ok(String name, String text) {
        return new Finding(name, State.OK, text, Optional.empty());
    }

    static Finding limited(String name, String text, String remedy) {
        return new Finding(name, State.LIMITED, text, Optional.of(remedy));
    }

    static Finding missing(String name, String text, String remedy) {
        return new Finding(name, State.MISSING, text, Optional.of(remedy));
    }
}
