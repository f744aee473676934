package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/**
 * The head of a file of {@code xl save} (Xen migration specification section 3.5).
 *
 * <pre>
 *  0  32 bytes  "Xen saved domain, xl format\n \0 \r"    40  u32  optional flags, 0
 * 32  u32       0x01020304 in the writer's byte order    44  u32  optional length
 * 36  u32       mandatory flags: 1 JSON, 2 libxl stream  48       optional content: the domain's configuration
 * </pre>
 *
 * @param libxl whether a libxl stream follows, or, as before Xen 4.6, a legacy one
 * @param json whether the configuration is JSON
 * @param content u32 length and configuration; kept as it is, not to be written to
 */
public record XlHeader(boolean libxl, boolean json, MemorySegment content) {

    static final byte[] MAGIC = "Xen saved domain, xl format\n \0 \r".getBytes(StandardCharsets.US_ASCII);

    private static final int BYTE_ORDER_MARK = 0x01020304;
    private static final int JSON = 1;
    private static final int LIBXL_STREAM = 2;
    private static final int MAX_CONTENT_BYTES = 16 << 20;

    static XlHeader read(ImageInput input) throws IOException {
        input.section("xl header");
        input.bytes(MAGIC.length);
        int mark = input.i32();
        if (mark != BYTE_ORDER_MARK) {
            throw input.refusal("byte order mark 0x1020304 of a little-endian host", "0x" + Integer.toHexString(mark));
        }
        int mandatory = input.i32();
        if ((mandatory & ~(JSON | LIBXL_STREAM)) != 0) {
            throw input.refusal("mandatory flags 1 (JSON) and 2 (libxl stream)", "0x%x".formatted(mandatory));
        }
        int optional = input.i32();
        long length = input.u32();
        if (optional != 0 || length > MAX_CONTENT_BYTES) {
            throw input.refusal(
                    "optional flags 0 and at most %d bytes of content".formatted(MAX_CONTENT_BYTES),
                    "0x%x, %d bytes".formatted(optional, length));
        }
        return new XlHeader(
                (mandatory & LIBXL_STREAM) != 0,
                (mandatory & JSON) != 0,
                MemorySegment.ofArray(input.bytes(length)).asReadOnly());
    }

    /** {@return whether the header that comes next says that a libxl stream follows} */
    static boolean announcesLibxl(ImageInput input) throws IOException {
        int flagsAt = MAGIC.length + 4;
        byte[] head = input.peek(flagsAt + 1);
        return head.length > flagsAt && (head[flagsAt] & LIBXL_STREAM) != 0;
    }

    void write(ImageOutput output) throws IOException {
        output.bytes(MAGIC);
        output.u32(BYTE_ORDER_MARK);
        output.u32((libxl ? LIBXL_STREAM : 0) | (json ? JSON : 0));
        output.u32(0);
        output.u32(content.byteSize());
        output.bytes(content);
    }
}
