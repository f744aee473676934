package dev.godwit.linux;

import dev.godwit.linux.calls.FileCalls;

/** How a file is opened by {@link OpenFile#open}. Descriptors are never inherited by other programs. */
public enum OpenFlag {
    /** For writing too; without it a file is opened for reading only. */
    WRITE(FileCalls.O_RDWR),
    /** The file must not be there yet; it is made, readable and writable by this user only (0600). */
    CREATE_NEW(FileCalls.O_RDWR | FileCalls.O_CREAT | FileCalls.O_EXCL),
    /** The file is made where it is not there yet, readable and writable by this user only (0600); for writing too. */
    CREATE(FileCalls.O_RDWR | FileCalls.O_CREAT),
    /**
     * Makes a file without a name in the folder that the path names, for writing too, by this user only; gone when it
     * is closed. File systems without such files refuse with EOPNOTSUPP, kernels without them with EISDIR.
     */
    NAMELESS(FileCalls.O_RDWR | FileCalls.O_TMPFILE),
    /** Past the page cache: memory, positions and lengths must be multiples of a page. Some file systems refuse. */
    DIRECT(FileCalls.O_DIRECT);

    private final int bits;

    OpenFlag(int bits) {
        this.bits = bits;
    }

    int bits() {
        return bits;
    }
}
