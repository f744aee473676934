package dev.godwit.qemu.multifd;

import dev.godwit.engine.StreamFormatException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;

/**
 * The first packet of a multifd channel, qemu-migration specification section 4.2.
 *
 * <pre>
 *  0  u32  magic 0x11223344
 *  4  u32  version 1
 *  8  16   UUID of the machine, all zero where it has none
 * 24  u8   channel id, 0 to channels - 1
 * 25  39   reserved, zero
 * </pre>
 *
 * @param uuid of the machine, all zero where it has none
 * @param channelId 0 to 255
 */
public record MultifdInit(UUID uuid, int channelId) {

    /** How long the packet is. */
    public static final int LENGTH_BYTES = 64;

    static final int MAGIC = 0x1122_3344;
    static final int VERSION = 1;

    private static final int CHANNEL_ID_AT = 24;

    /**
     * Reads an init packet.
     *
     * @param packet {@link #LENGTH_BYTES} from its position on, which moves behind them
     * @param positionBytes where it stands in the channel, for the error
     * @throws StreamFormatException if magic or version are others; what is reserved is not looked at
     */
    public static MultifdInit read(ByteBuffer packet, long positionBytes) throws StreamFormatException {
        ByteBuffer in = packet.slice(packet.position(), LENGTH_BYTES).order(ByteOrder.BIG_ENDIAN);
        packet.position(packet.position() + LENGTH_BYTES);
        checkMagicAndVersion(in, positionBytes, "multifd init packet");
        return new MultifdInit(new UUID(in.getLong(8), in.getLong(16)), in.get(CHANNEL_ID_AT) & 0xff);
    }

    /** Writes the packet at the buffer's position, which moves behind it. */
    public void write(ByteBuffer target) {
        ByteBuffer out = target.slice(target.position(), LENGTH_BYTES).order(ByteOrder.BIG_ENDIAN);
        target.position(target.position() + LENGTH_BYTES);
        out.putInt(MAGIC).putInt(VERSION);
        out.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
        out.put((byte) channelId);
        while (out.hasRemaining()) {
            out.put((byte) 0);
        }
    }

    static void checkMagicAndVersion(ByteBuffer in, long positionBytes, String section) throws StreamFormatException {
        if (in.getInt(0) != MAGIC) {
            throw new StreamFormatException(
                    positionBytes, section, "magic 0x%08x".formatted(MAGIC), "0x%08x".formatted(in.getInt(0)));
        }
        if (in.getInt(4) != VERSION) {
            throw new StreamFormatException(
                    positionBytes + 4, section, "version " + VERSION, Integer.toUnsignedString(in.getInt(4)));
        }
    }
}
