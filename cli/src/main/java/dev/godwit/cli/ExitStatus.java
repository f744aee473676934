package dev.godwit.cli;

/** What a command tells the program that started it. */
final class ExitStatus {

    /** It is done. */
    static final int DONE = 0;

    /** It failed; one line on standard error says what, and where the guest is. */
    static final int FAILED = 1;

    /** The command line makes no sense. */
    static final int USAGE = 2;

    /** It ran, and found damage or differences. */
    static final int FOUND = 3;

    /** The user ended it with Ctrl-C: 128 + SIGINT. */
    static final int INTERRUPTED = 130;

    private ExitStatus() {}
}
