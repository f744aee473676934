package dev.godwit.linux.calls;

import java.util.Locale;

/** The processors whose system call numbers and layouts are known here. */
public enum Architecture {
    /** 64-bit x86. */
    X86_64("amd64"),
    /** 64-bit ARM. */
    AARCH64("aarch64");

    private final String javaName;

    Architecture(String javaName) {
        this.javaName = javaName;
    }

    /**
     * {@return the one this process runs on}
     *
     * @throws UnsupportedOperationException on any other, by its name: its numbers are not known, and guessed ones
     *     would make other calls
     */
    public static Architecture current() {
        return of(System.getProperty("os.arch", ""));
    }

    static Architecture of(String javaName) {
        String name = javaName.toLowerCase(Locale.ROOT);
        for (Architecture architecture : values()) {
            if (architecture.javaName.equals(name)) {
                return architecture;
            }
        }
        throw new UnsupportedOperationException(
                "the system calls of " + javaName + " are not known here; amd64 and aarch64 are");
    }

    /** {@return one of two numbers, which differ between the architectures} */
    public static int choose(int x86, int aarch64) {
        return switch (current()) {
            case X86_64 -> x86;
            case AARCH64 -> aarch64;
        };
    }
}
