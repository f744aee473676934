package dev.godwit.qemu;

import java.io.IOException;

/** Reads and writes the messages of the return path; their byte table is at {@link ReturnPathMessage}. */
public final class ReturnPathMessages {

    private static final long RECEIVED_BITMAP_END = 0x0123456789ABCDEFL;
    /** Of the longest block that Godwit accepts, 64 TiB, it would be 2 GiB; what one array may cost is less. */
    private static final int MAX_BITMAP_BYTES = 256 << 20;

    private ReturnPathMessages() {}

    /**
     * Reads the next message.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is of no known type or has a wrong length
     */
    public static ReturnPathMessage read(ByteInput input) throws IOException {
        input.section("return path");
        int type = input.u16();
        int lengthBytes = input.u16();
        return switch (type) {
            case 1 -> {
                expectLength(input, "SHUT", 4, lengthBytes);
                yield new ReturnPathMessage.Shut(input.u32());
            }
            case 2 -> {
                expectLength(input, "PONG", 4, lengthBytes);
                yield new ReturnPathMessage.Pong(input.u32());
            }
            case 3 -> readRequestPagesOf(input, lengthBytes);
            case 4 -> {
                expectLength(input, "REQ_PAGES", 12, lengthBytes);
                yield new ReturnPathMessage.RequestPages(input.u64(), input.u32());
            }
            case 5 -> readReceivedBitmap(input, lengthBytes);
            case 6 -> readResumeAck(input, lengthBytes);
            case 7 -> {
                expectLength(input, "SWITCHOVER_ACK", 0, lengthBytes);
                yield new ReturnPathMessage.SwitchoverAck();
            }
            default -> throw input.unexpectedAt(input.position() - 4, "a return path message, 1 to 7", "type " + type);
        };
    }

    private static ReturnPathMessage readRequestPagesOf(ByteInput input, int lengthBytes) throws IOException {
        long start = input.u64();
        int length = input.u32();
        String block = readBlock(input, "REQ_PAGES_ID", 12, lengthBytes);
        return new ReturnPathMessage.RequestPagesOf(block, start, length);
    }

    private static ReturnPathMessage readReceivedBitmap(ByteInput input, int lengthBytes) throws IOException {
        String block = readBlock(input, "RECV_BITMAP", 0, lengthBytes);
        long bitmapBytes = input.u64();
        if (bitmapBytes < 8 || bitmapBytes > MAX_BITMAP_BYTES || bitmapBytes % 8 != 0) {
            throw input.unexpectedAt(
                    input.position() - 8,
                    "a bitmap of 8 to " + MAX_BITMAP_BYTES + " bytes, a multiple of 8",
                    Long.toUnsignedString(bitmapBytes));
        }
        byte[] bitmap = input.bytes((int) bitmapBytes);
        long end = input.u64();
        if (end != RECEIVED_BITMAP_END) {
            throw input.unexpectedAt(input.position() - 8, "the end mark of a bitmap", "0x" + Long.toHexString(end));
        }
        return new ReturnPathMessage.ReceivedBitmap(block, bitmap);
    }

    private static ReturnPathMessage readResumeAck(ByteInput input, int lengthBytes) throws IOException {
        expectLength(input, "RESUME_ACK", 4, lengthBytes);
        int value = input.u32();
        if (value != 1) {
            throw input.unexpectedAt(input.position() - 4, "RESUME_ACK of 1", Integer.toUnsignedString(value));
        }
        return new ReturnPathMessage.ResumeAck();
    }

    private static String readBlock(ByteInput input, String name, int bytesBefore, int lengthBytes) throws IOException {
        expectLength(input, name, bytesBefore + 1 + input.peek(), lengthBytes);
        return input.countedString("a RAM block's id");
    }

    private static void expectLength(ByteInput input, String name, int expected, int found) throws IOException {
        if (found != expected) {
            throw input.unexpected(name + " of " + expected + " bytes", found + " bytes");
        }
    }

    /** Writes a message; the caller flushes. */
    public static void write(ByteOutput output, ReturnPathMessage message) throws IOException {
        switch (message) {
            case ReturnPathMessage.Shut(int status) -> writeValue(output, 1, status);
            case ReturnPathMessage.Pong(int value) -> writeValue(output, 2, value);
            case ReturnPathMessage.RequestPagesOf(String block, long startBytes, int lengthBytes) -> {
                begin(output, 3, 13 + Utf8.lengthBytes(block));
                output.u64(startBytes);
                output.u32(lengthBytes);
                output.countedString(block);
            }
            case ReturnPathMessage.RequestPages(long startBytes, int lengthBytes) -> {
                begin(output, 4, 12);
                output.u64(startBytes);
                output.u32(lengthBytes);
            }
            case ReturnPathMessage.ReceivedBitmap(String block, byte[] bitmap) -> {
                begin(output, 5, 1 + Utf8.lengthBytes(block));
                output.countedString(block);
                output.u64(bitmap.length);
                output.write(bitmap);
                output.u64(RECEIVED_BITMAP_END);
            }
            case ReturnPathMessage.ResumeAck() -> writeValue(output, 6, 1);
            case ReturnPathMessage.SwitchoverAck() -> begin(output, 7, 0);
        }
    }

    private static void writeValue(ByteOutput output, int type, int value) throws IOException {
        begin(output, type, 4);
        output.u32(value);
    }

    private static void begin(ByteOutput output, int type, int lengthBytes) throws IOException {
        output.u16(type);
        output.u16(lengthBytes);
    }
}
