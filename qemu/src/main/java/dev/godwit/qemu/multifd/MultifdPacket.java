package dev.godwit.qemu.multifd;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.ram.Page;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The header of a multifd packet: which pages of one block follow, and which are zero (qemu-migration specification
 * section 4.3). On x86 N is 128 and the header 1344 bytes long.
 *
 * <pre>
 *   0  u32    magic 0x11223344
 *   4  u32    version 1
 *   8  u32    flags: 0x01 SYNC, 0x3e method, 0x40 device state
 *  12  u32    pages_alloc: N, or 0 in a SYNC packet
 *  16  u32    normal_pages
 *  20  u32    next_packet_size: bytes of payload; stale where normal_pages is 0
 *  24  u64    packet_num: one counter over all channels
 *  32  u32    zero_pages
 *  36  28     reserved
 *  64  256    block idstr, padded with NUL
 * 320  N*u64  offsets in the block: normal_pages of pages with content, then zero_pages of zero pages, then rubbish
 * </pre>
 *
 * @param flags see above
 * @param pagesAlloc how many offsets the source's packets have room for, at most {@link #MAX_PAGES}
 * @param nextPacketSizeBytes as the source states it, unsigned
 * @param packetNumber counts the packets of all channels
 * @param block the block's idstr; empty or stale where there are no pages
 * @param normalPages how many of the offsets are of pages with content
 * @param offsetsBytes in the block: pages with content in the payload's order, then zero pages; not to be changed
 */
@SuppressWarnings("ArrayRecordComponent") // carried, never compared
public record MultifdPacket(
        int flags,
        int pagesAlloc,
        int nextPacketSizeBytes,
        long packetNumber,
        String block,
        int normalPages,
        long[] offsetsBytes) {

    /** Set in a packet that ends a round on its channel. */
    public static final int SYNC = 0x01;

    /** How many pages a packet has room for. */
    public static final int MAX_PAGES = 128;

    /** How long the header is. */
    public static final int LENGTH_BYTES = 320 + 8 * MAX_PAGES;

    /** The longest payload that is accepted: what a QEMU destination has room for. */
    public static final int MAX_PAYLOAD_BYTES = 1 << 20;

    /** As many bytes as tell by their flags what kind of packet it is. */
    static final int PREFIX_BYTES = 12;

    private static final String SECTION = "multifd packet";
    private static final int DEVICE_STATE = 0x40;
    private static final int KNOWN_FLAGS = SYNC | MultifdMethod.MASK | DEVICE_STATE;
    private static final int BLOCK_AT = 64;
    private static final int BLOCK_BYTES = 256;
    private static final int OFFSETS_AT = 320;

    /** {@return whether the packet ends a round on its channel} */
    public boolean isSync() {
        return (flags & SYNC) != 0;
    }

    /** {@return how many of the offsets are of zero pages} */
    public int zeroPages() {
        return offsetsBytes.length - normalPages;
    }

    /**
     * {@return how long the payload behind the header is, in bytes} Without pages that have content there is none,
     * whatever the header states.
     */
    public int payloadBytes() {
        if (normalPages == 0) {
            return 0;
        }
        return (flags & MultifdMethod.MASK) == 0 ? normalPages * Page.SIZE_BYTES : nextPacketSizeBytes;
    }

    /**
     * Checks the start of a packet.
     *
     * @throws StreamFormatException if magic or version are others, or the packet is of a kind that is not supported
     */
    static void checkPrefix(ByteBuffer prefix, long positionBytes) throws StreamFormatException {
        ByteBuffer in = prefix.slice(prefix.position(), PREFIX_BYTES).order(ByteOrder.BIG_ENDIAN);
        MultifdInit.checkMagicAndVersion(in, positionBytes, SECTION);
        int flags = in.getInt(8);
        if ((flags & DEVICE_STATE) != 0) {
            throw new StreamFormatException(
                    positionBytes + 8, SECTION, "pages", "device state (of a vfio device), which is not supported");
        }
        if ((flags & ~KNOWN_FLAGS) != 0) {
            throw new StreamFormatException(positionBytes + 8, SECTION, "known flags", "0x%x".formatted(flags));
        }
    }

    /**
     * Reads a packet's header.
     *
     * @param packet {@link #LENGTH_BYTES} from its position on, which moves behind them
     * @param positionBytes where it stands in the channel, for the error
     * @throws StreamFormatException if a count is out of its bounds, the method's payload longer than
     *     {@link #MAX_PAYLOAD_BYTES}, an offset no multiple of a page, or the kind not supported
     */
    public static MultifdPacket read(ByteBuffer packet, long positionBytes) throws StreamFormatException {
        ByteBuffer in = packet.slice(packet.position(), LENGTH_BYTES).order(ByteOrder.BIG_ENDIAN);
        packet.position(packet.position() + LENGTH_BYTES);
        checkPrefix(in, positionBytes);
        int flags = in.getInt(8);
        int pagesAlloc = count(in, 12, MAX_PAGES, "pages_alloc", positionBytes);
        int normalPages = count(in, 16, pagesAlloc, "normal_pages", positionBytes);
        int zeroPages = count(in, 32, pagesAlloc - normalPages, "zero_pages", positionBytes);
        int nextPacketSizeBytes = in.getInt(20);
        if (normalPages > 0 && (flags & MultifdMethod.MASK) != 0) {
            count(in, 20, MAX_PAYLOAD_BYTES, "next_packet_size", positionBytes);
        }
        long[] offsetsBytes = new long[normalPages + zeroPages];
        for (int i = 0; i < offsetsBytes.length; i++) {
            long offset = in.getLong(OFFSETS_AT + 8 * i);
            if (offset < 0 || offset % Page.SIZE_BYTES != 0) {
                throw new StreamFormatException(
                        positionBytes + OFFSETS_AT + 8L * i,
                        SECTION,
                        "an offset that is a multiple of a page",
                        "0x%x".formatted(offset));
            }
            offsetsBytes[i] = offset;
        }
        String block = block(in, positionBytes);
        return new MultifdPacket(
                flags, pagesAlloc, nextPacketSizeBytes, in.getLong(24), block, normalPages, offsetsBytes);
    }

    private static int count(ByteBuffer in, int at, int max, String name, long positionBytes)
            throws StreamFormatException {
        int value = in.getInt(at);
        if (value < 0 || value > max) {
            throw new StreamFormatException(
                    positionBytes + at, SECTION, name + " of at most " + max, Integer.toUnsignedString(value));
        }
        return value;
    }

    private static String block(ByteBuffer in, long positionBytes) throws StreamFormatException {
        byte[] name = new byte[BLOCK_BYTES];
        in.get(BLOCK_AT, name);
        for (int length = 0; length < BLOCK_BYTES; length++) {
            if (name[length] == 0) {
                return new String(name, 0, length, StandardCharsets.UTF_8);
            }
        }
        throw new StreamFormatException(
                positionBytes + BLOCK_AT, SECTION, "a block name that ends with NUL", BLOCK_BYTES + " bytes without");
    }

    /**
     * Writes the header at the buffer's position, which moves behind it.
     *
     * @throws IllegalArgumentException if the block's name or the offsets do not fit in
     */
    public void write(ByteBuffer target) {
        byte[] name = block.getBytes(StandardCharsets.UTF_8);
        if (name.length >= BLOCK_BYTES || offsetsBytes.length > MAX_PAGES) {
            throw new IllegalArgumentException(
                    "does not fit into a packet: block=" + block + ", offsets=" + offsetsBytes.length);
        }
        ByteBuffer out = target.slice(target.position(), LENGTH_BYTES).order(ByteOrder.BIG_ENDIAN);
        target.position(target.position() + LENGTH_BYTES);
        writePages(out, flags, name, normalPages, offsetsBytes, offsetsBytes.length);
        out.putInt(12, pagesAlloc);
        out.putInt(20, nextPacketSizeBytes);
        out.putLong(24, packetNumber);
    }

    /**
     * Writes a header of {@link #MAX_PAGES} at the start of a buffer, the payload's length left at 0.
     *
     * @param out big-endian, {@link #LENGTH_BYTES} from 0 on
     */
    static void writePages(ByteBuffer out, int flags, byte[] name, int normalPages, long[] offsetsBytes, int pages) {
        for (int at = 0; at < LENGTH_BYTES; at += 8) {
            out.putLong(at, 0);
        }
        out.putInt(0, MultifdInit.MAGIC).putInt(4, MultifdInit.VERSION).putInt(8, flags);
        out.putInt(12, MAX_PAGES).putInt(16, normalPages).putInt(32, pages - normalPages);
        out.put(BLOCK_AT, name);
        for (int i = 0; i < pages; i++) {
            out.putLong(OFFSETS_AT + 8 * i, offsetsBytes[i]);
        }
    }
}
