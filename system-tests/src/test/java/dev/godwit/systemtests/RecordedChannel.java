package dev.godwit.systemtests;

import com.github.luben.zstd.ZstdInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.InflaterInputStream;

/**
 * A recorded multifd channel (qemu-migration specification section 4). Shares no code with the receiver that it is the
 * measure of.
 */
final class RecordedChannel {

    static final int MAGIC = 0x11223344;

    private static final int INIT_BYTES = 64;
    private static final int HEADER_BYTES = 1344;

    private final List<Packet> packets = new ArrayList<>();
    private final List<ByteBuffer> payloads = new ArrayList<>();
    private final InputStream pages;
    private int syncs;

    /** Pages of one block; {@code round} counts the SYNCs before it on its channel. */
    record Packet(RecordedChannel channel, int round, long number, String block, List<Long> offsets, int normalPages) {}

    RecordedChannel(ByteBuffer recording, String method) throws IOException {
        ByteBuffer in = recording.duplicate().position(INIT_BYTES);
        while (in.hasRemaining()) {
            readPacket(in, method);
        }
        InputStream all = new Payloads(payloads);
        pages = switch (method) {
            case "none" -> all;
            case "zlib" -> new InflaterInputStream(all);
            case "zstd" -> new ZstdInputStream(all).setContinuous(true);
            default -> throw new IllegalArgumentException(method);
        };
    }

    private void readPacket(ByteBuffer in, String method) {
        int start = in.position();
        int normalPages = in.getInt(start + 16);
        int zeroPages = in.getInt(start + 32);
        int payloadBytes = method.equals("none") ? normalPages * 4096 : in.getInt(start + 20);
        List<Long> offsets = new ArrayList<>();
        for (int i = 0; i < normalPages + zeroPages; i++) {
            offsets.add(in.getLong(start + 320 + 8 * i));
        }
        in.position(start + HEADER_BYTES);
        if (normalPages > 0) {
            payloads.add(in.slice(in.position(), payloadBytes));
            in.position(in.position() + payloadBytes);
        }
        if (!offsets.isEmpty()) {
            byte[] name = new byte[256];
            in.get(start + 64, name);
            String block = new String(name, StandardCharsets.US_ASCII).split("\0", 2)[0];
            packets.add(new Packet(this, syncs, in.getLong(start + 24), block, offsets, normalPages));
        }
        syncs += in.getInt(start + 8) & 1;
    }

    List<Packet> packets() {
        return packets;
    }

    int syncs() {
        return syncs;
    }

    /** The next page's content, in the order of the packets. */
    void nextPage(byte[] page) throws IOException {
        if (pages.readNBytes(page, 0, page.length) != page.length) {
            throw new IOException("the channel ends inside a page");
        }
    }

    /** What follows the headers, one after the other. */
    private static final class Payloads extends InputStream {
        private final List<ByteBuffer> left;

        Payloads(List<ByteBuffer> payloads) {
            left = new ArrayList<>(payloads.reversed());
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            while (!left.isEmpty() && !left.getLast().hasRemaining()) {
                left.removeLast();
            }
            if (left.isEmpty()) {
                return -1;
            }
            int bytes = Math.min(length, left.getLast().remaining());
            left.getLast().get(target, offset, bytes);
            return bytes;
        }
    }
}
