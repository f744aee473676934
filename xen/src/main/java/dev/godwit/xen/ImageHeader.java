package dev.godwit.xen;

import java.io.IOException;

/**
 * The head of a libxc stream (Xen migration specification section 3.1).
 *
 * <pre>
 *  0  u64 BE  marker, all ones        24  u32 LE  domain type, 2 for HVM
 *  8  u32 BE  "XENF"                  28  u16 LE  page shift, 12
 * 12  u32 BE  version, 2 or 3         30  u16 LE  0
 * 16  u16 BE  options, 0              32  u32 LE  Xen's major version, 0 from the converter of legacy streams
 * 18  u16, u32  0                     36  u32 LE  Xen's minor version
 * </pre>
 *
 * @param version 2 (Xen 4.6 to 4.13) or 3
 * @param xenMajor of the hypervisor that wrote it, unsigned 32 bits
 * @param xenMinor of the hypervisor that wrote it, unsigned 32 bits
 */
public record ImageHeader(int version, long xenMajor, long xenMinor) {

    /** The version written by Xen since 4.14. */
    public static final int VERSION_3 = 3;

    /** The version of Xen 4.6 to 4.13. */
    public static final int VERSION_2 = 2;

    static final byte[] MARKER = {-1, -1, -1, -1, -1, -1, -1, -1};

    private static final int XENF = 0x58454E46;
    private static final int PV = 1;
    private static final int HVM = 2;
    private static final int PAGE_SHIFT = 12;
    private static final int BIG_ENDIAN = 1;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if the version is not known or a number is longer than 32 bits
     */
    public ImageHeader {
        if ((version != VERSION_2 && version != VERSION_3) || xenMajor >>> 32 != 0 || xenMinor >>> 32 != 0) {
            throw new IllegalArgumentException(
                    "version=%d, xenMajor=%d, xenMinor=%d".formatted(version, xenMajor, xenMinor));
        }
    }

    static ImageHeader read(ImageInput input) throws IOException {
        input.section("image header");
        long marker = input.u64();
        if (marker != -1) {
            throw input.refusal("marker ffffffffffffffff", Long.toHexString(Long.reverseBytes(marker)));
        }
        int id = Integer.reverseBytes(input.i32());
        if (id != XENF) {
            throw input.refusal("\"XENF\"", Integer.toHexString(id));
        }
        int version = Integer.reverseBytes(input.i32());
        if (version != VERSION_2 && version != VERSION_3) {
            throw input.refusal("version 2 or 3", Integer.toUnsignedString(version));
        }
        checkOptions(input);
        input.section("domain header");
        checkDomain(input);
        return new ImageHeader(version, input.u32(), input.u32());
    }

    private static void checkOptions(ImageInput input) throws IOException {
        int options = Short.toUnsignedInt(Short.reverseBytes((short) input.u16()));
        if (options == BIG_ENDIAN) {
            throw input.refusal("a little-endian body", "option 1: big-endian, which is not supported");
        }
        int rest = input.u16();
        int last = input.i32();
        if (options != 0 || rest != 0 || last != 0) {
            throw input.refusal(
                    "reserved bits of options 0", "options 0x%x, then 0x%x, 0x%x".formatted(options, rest, last));
        }
    }

    private static void checkDomain(ImageInput input) throws IOException {
        int type = input.i32();
        if (type != HVM) {
            String found = type == PV ? "1 (PV), which is not supported" : Integer.toUnsignedString(type);
            throw input.refusal("domain type 2 (HVM)", found);
        }
        int shift = input.u16();
        if (shift != PAGE_SHIFT) {
            throw input.refusal("page shift 12", Integer.toString(shift));
        }
        int reserved = input.u16();
        if (reserved != 0) {
            throw input.refusal("reserved field 0", "0x" + Integer.toHexString(reserved));
        }
    }

    void write(ImageOutput output) throws IOException {
        output.bytes(MARKER);
        output.u32(Integer.reverseBytes(XENF));
        output.u32(Integer.reverseBytes(version));
        output.u64(0);
        output.u32(HVM);
        output.u16(PAGE_SHIFT);
        output.u16(0);
        output.u32(xenMajor);
        output.u32(xenMinor);
    }
}
