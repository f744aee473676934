package dev.godwit.qemu.multifd;

import java.util.Optional;

/** What a connection of a migration with multifd carries, told by its first bytes (specification section 4.1). */
public enum ConnectionKind {
    /** The main stream, which begins with {@code QEVM}. */
    MAIN,
    /** A multifd channel, which begins with the init packet's magic. */
    MULTIFD;

    /** How many bytes {@link #ofFirstBytes} looks at. */
    public static final int BYTES = 4;

    private static final int MAIN_MAGIC = 0x5145_564d;

    /**
     * {@return the kind of a connection, empty where it is neither} The connections arrive in any order.
     *
     * @param firstBytes its first four bytes, big-endian
     */
    public static Optional<ConnectionKind> ofFirstBytes(int firstBytes) {
        return switch (firstBytes) {
            case MAIN_MAGIC -> Optional.of(MAIN);
            case MultifdInit.MAGIC -> Optional.of(MULTIFD);
            default -> Optional.empty();
        };
    }
}
