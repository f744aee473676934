package dev.godwit.xen;

import dev.godwit.engine.HeapNeed;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Reads a saved HVM domain of Xen 4.6 or later and tells a visitor all that is in it: a bare libxc stream, one inside a
 * libxl stream, or a file of {@code xl save}; which of them, the first bytes say (Xen migration specification section
 * 3).
 *
 * <pre>
 * libxl record: u32 type, u32 bodyLength, body, zeros up to 8 bytes
 *   0 END    1 LIBXC_CONTEXT: empty, a libxc stream follows    2 EMULATOR_XENSTORE_DATA, 3 EMULATOR_CONTEXT: u32
 *   emulator, u32 index, content
 * </pre>
 *
 * <p>What comes after the end is left alone. Owned by one thread. After an exception the visitor has heard all that was
 * good before it.
 */
public final class SavedDomainReader {

    private static final int END = 0;
    private static final int LIBXC_CONTEXT = 1;
    private static final int LAST_EMULATOR = 2;

    /** What one device model may have saved: enough for its video memory. */
    private static final int MAX_EMULATOR_BYTES = HeapNeed.limit(128 << 20, 8);

    private final ImageInput input;
    private final SavedDomainVisitor visitor;

    /**
     * A reader of one saved domain.
     *
     * @param input at the first byte
     * @param visitor hears the elements
     */
    public SavedDomainReader(ImageInput input, SavedDomainVisitor visitor) {
        this.input = input;
        this.visitor = visitor;
    }

    /** {@return whether this looks like something that {@link #read} takes} Nothing is taken from the input. */
    public static boolean recognises(ImageInput input) throws IOException {
        return input.isNext(XlHeader.MAGIC) || input.isNext(LibxlHeader.MAGIC) || input.isNext(ImageHeader.MARKER);
    }

    /**
     * Reads to the end of the saved domain.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is damaged, cut off, or not supported
     * @throws IOException if the channel fails, or the visitor does
     */
    public void read() throws IOException {
        if (input.isNext(XlHeader.MAGIC)) {
            XlHeader header = XlHeader.read(input);
            if (!header.libxl()) {
                throw input.refusal("a libxl stream behind the xl header", "a legacy one, of before Xen 4.6");
            }
            visitor.xl(header);
            readLibxl();
        } else if (input.isNext(LibxlHeader.MAGIC)) {
            readLibxl();
        } else {
            new LibxcReader(input, visitor).read();
        }
    }

    private void readLibxl() throws IOException {
        visitor.libxl(LibxlHeader.read(input));
        boolean libxcRead = false;
        while (true) {
            input.section("libxl record");
            int code = input.i32();
            long length = input.u32();
            switch (code) {
                case END -> {
                    endLibxl(length, libxcRead);
                    return;
                }
                case LIBXC_CONTEXT -> {
                    readLibxc(length, libxcRead);
                    libxcRead = true;
                }
                case 2 -> readEmulator(LibxlRecord.Type.EMULATOR_XENSTORE_DATA, length);
                case 3 -> readEmulator(LibxlRecord.Type.EMULATOR_CONTEXT, length);
                case 4, 5 ->
                    throw input.refusal("a stream without checkpoints", "one of Remus or COLO, which is not supported");
                default -> throw input.refusal("a known record type", "0x" + Integer.toHexString(code));
            }
        }
    }

    private void endLibxl(long length, boolean libxcRead) throws IOException {
        if (length != 0 || !libxcRead) {
            throw input.refusal(
                    "an empty END record after LIBXC_CONTEXT",
                    "END with %d bytes%s".formatted(length, libxcRead ? "" : " and no LIBXC_CONTEXT"));
        }
        visitor.libxlEnd();
    }

    private void readLibxc(long length, boolean again) throws IOException {
        if (length != 0 || again) {
            throw input.refusal(
                    "one empty LIBXC_CONTEXT record", again ? "a second one" : "one of %d bytes".formatted(length));
        }
        visitor.libxcFollows();
        new LibxcReader(input, visitor).read();
    }

    private void readEmulator(LibxlRecord.Type type, long length) throws IOException {
        input.section(type + " record");
        if (length < 8 || length > MAX_EMULATOR_BYTES) {
            throw input.refusal("8 to %d bytes".formatted(MAX_EMULATOR_BYTES), Long.toString(length));
        }
        long emulator = input.u32();
        long index = input.u32();
        if (emulator > LAST_EMULATOR) {
            throw input.refusal("emulator 0 to " + LAST_EMULATOR, Long.toString(emulator));
        }
        byte[] content = input.bytes(length - 8);
        if (type == LibxlRecord.Type.EMULATOR_XENSTORE_DATA && content.length > 0 && content[content.length - 1] != 0) {
            throw input.refusal("keys and values that end with NUL", "no NUL at the end");
        }
        LibxcReader.readPadding(input, length);
        visitor.libxlRecord(new LibxlRecord(
                type, emulator, index, MemorySegment.ofArray(content).asReadOnly()));
    }
}
