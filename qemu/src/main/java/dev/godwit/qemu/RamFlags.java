package dev.godwit.qemu;

/**
 * The flags in the low bits of a RAM record's first word, qemu-migration specification section 2.1: {@code u64 offset |
 * flags}, then a counted string with the block's id unless CONTINUE is set, then the body.
 *
 * <pre>
 * 0x001  FULL           refused
 * 0x002  ZERO           u8 0
 * 0x004  MEM_SIZE       the block list; the offset is the total length
 * 0x008  PAGE           4096 bytes
 * 0x010  EOS            nothing; ends the records
 * 0x020  CONTINUE       with ZERO, PAGE, XBZRLE, COMPRESS_PAGE: block of the record before
 * 0x040  XBZRLE         u8 1, u16 length, delta
 * 0x080  HOOK           nothing; RDMA only
 * 0x100  COMPRESS_PAGE  u32 length, zlib stream of a page
 * 0x200  MULTIFD_FLUSH  nothing
 * </pre>
 */
final class RamFlags {

    static final int ZERO = 0x002;
    static final int MEM_SIZE = 0x004;
    static final int PAGE = 0x008;
    static final int EOS = 0x010;
    static final int CONTINUE = 0x020;
    static final int XBZRLE = 0x040;
    static final int HOOK = 0x080;
    static final int COMPRESS_PAGE = 0x100;
    static final int MULTIFD_FLUSH = 0x200;

    /** What zlib needs at most for a page that it cannot make smaller. */
    static final int MAX_COMPRESSED_BYTES = 4110;

    static final int XBZRLE_ENCODING = 1;

    private RamFlags() {}
}
