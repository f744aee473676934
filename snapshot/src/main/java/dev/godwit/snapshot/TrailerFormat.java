package dev.godwit.snapshot;

/** The numbers of the trailer's format; the byte table is at {@link Trailer}. */
final class TrailerFormat {

    static final int VERSION = 1;

    /** Not text, not zero, and its first byte is no section type of QEMU's. */
    static final long MAGIC = 0x89_47_4f_44_57_49_54_0aL;

    /** "GODWITsn": the last 8 bytes of every snapshot. */
    static final long END_MAGIC = 0x47_4f_44_57_49_54_73_6eL;

    static final int START_BYTES = 16;
    static final int HEADER_BYTES = 24;
    static final int FOOTER_BYTES = 80;
    static final int ROOT_BYTES = 32;

    static final int MANDATORY = 1;
    static final int CHECKED_ELSEWHERE = 2;

    static final int BLOCKS = 1;
    static final int PARTS = 2;
    static final int FACTS = 3;
    static final int HASH_DIRECTORY = 4;
    static final int HASH_CHUNKS = 5;

    /** The longest payload that is read into memory as one piece. */
    static final int MAX_TABLE_BYTES = 64 << 20;

    private TrailerFormat() {}

    /** {@return how errors and damage name a section} */
    static String name(int type) {
        return switch (type) {
            case BLOCKS -> "block table";
            case PARTS -> "table of parts";
            case FACTS -> "creation facts";
            case HASH_DIRECTORY -> "hash directory";
            case HASH_CHUNKS -> "hash chunks";
            default -> "section of type " + Integer.toUnsignedString(type);
        };
    }
}
