package dev.godwit.ram;

/** The target page: the unit in which guest RAM is tracked, sent and hashed. */
public final class Page {

    /** The size of a target page in bytes (QEMU's {@code TARGET_PAGE_SIZE} on x86). */
    public static final int SIZE_BYTES = 4096;

    private Page() {}
}
