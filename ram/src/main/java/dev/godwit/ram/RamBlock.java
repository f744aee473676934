package dev.godwit.ram;

import java.nio.charset.StandardCharsets;

/**
 * A block of guest RAM: one linear run of pages under one name, as QEMU's {@code RAMBlock}.
 *
 * @param id the name that both sides know it by, 1 to 255 bytes of UTF-8, for example {@code pc.ram}
 * @param lengthBytes how long it is (QEMU's {@code used_length}); a positive multiple of {@link Page#SIZE_BYTES}
 */
public record RamBlock(String id, long lengthBytes) {

    /** The longest block Godwit accepts, 64 TiB: what x86 can address; a longer one in a stream is damage. */
    public static final long MAX_LENGTH_BYTES = 1L << 46;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if the id is empty or too long, or the length is out of range or no multiple of
     *     a page
     */
    public RamBlock {
        int idBytes = id.getBytes(StandardCharsets.UTF_8).length;
        if (idBytes < 1 || idBytes > 255) {
            throw new IllegalArgumentException("a RAM block's id has 1 to 255 bytes: idBytes=" + idBytes);
        }
        if (lengthBytes < Page.SIZE_BYTES || lengthBytes > MAX_LENGTH_BYTES || lengthBytes % Page.SIZE_BYTES != 0) {
            throw new IllegalArgumentException("a RAM block's length is a multiple of " + Page.SIZE_BYTES + " up to "
                    + MAX_LENGTH_BYTES + ": id=" + id + ", lengthBytes=" + lengthBytes);
        }
    }

    /** {@return how many target pages the block has} */
    public long pages() {
        return lengthBytes / Page.SIZE_BYTES;
    }
}
