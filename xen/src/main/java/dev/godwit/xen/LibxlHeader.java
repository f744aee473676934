package dev.godwit.xen;

import java.io.IOException;

/**
 * The head of a libxl stream (Xen migration specification section 3.5).
 *
 * <pre>
 *  0  u64 BE  "LibxlFmt"     8  u32 BE  version, 2    12  u32 BE  options: 1 big-endian, 2 converted
 * </pre>
 *
 * @param converted whether the stream was made of a legacy one by Xen's converter
 */
public record LibxlHeader(boolean converted) {

    static final byte[] MAGIC = {'L', 'i', 'b', 'x', 'l', 'F', 'm', 't'};

    private static final int VERSION = 2;
    private static final int CONVERTED = 2;

    static LibxlHeader read(ImageInput input) throws IOException {
        input.section("libxl header");
        if (!input.isNext(MAGIC)) {
            throw input.refusal("\"LibxlFmt\"", "something else");
        }
        input.u64();
        int version = Integer.reverseBytes(input.i32());
        if (version != VERSION) {
            throw input.refusal("version 2", Integer.toUnsignedString(version));
        }
        int options = Integer.reverseBytes(input.i32());
        if ((options & ~CONVERTED) != 0) {
            throw input.refusal("a little-endian stream, options 0 or 2", "0x" + Integer.toHexString(options));
        }
        return new LibxlHeader(options != 0);
    }

    void write(ImageOutput output) throws IOException {
        output.bytes(MAGIC);
        output.u32(Integer.reverseBytes(VERSION));
        output.u32(Integer.reverseBytes(converted ? CONVERTED : 0));
    }
}
