package dev.godwit.systemtests;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What the source of a recorded precopy migration has sent of one RAM block, page by page the last copy (qemu-migration
 * specification sections 1 to 4). A decoder made to be read; it shares no code with the receiver that it is the measure
 * of, and takes streams that are well-formed, of machines whose multifd syncs after each RAM section.
 *
 * <p>The k-th end of a RAM section on the main connection comes after the k-th SYNC of every channel: a round. QEMU 7.2
 * may send a page twice in a round, in packets that follow each other; the later one counts.
 */
final class RecordedMigration {

    private static final int PAGE_BYTES = 4096;
    private static final int CONTINUE = 0x20;

    private final String block;
    private final MemorySegment ram;
    private final byte[] page = new byte[PAGE_BYTES];
    private final List<RecordedChannel> channels = new ArrayList<>();
    private List<RecordedChannel.Packet> packets = List.of();
    private String current = "";
    private int round;

    private RecordedMigration(String block, MemorySegment ram) {
        this.block = block;
        this.ram = ram;
    }

    /**
     * Puts a block's pages where they belong.
     *
     * @param recordings one file a connection
     * @param ram the block's memory, all zero
     */
    static void decode(List<Path> recordings, String method, String block, MemorySegment ram) throws IOException {
        RecordedMigration migration = new RecordedMigration(block, ram);
        ByteBuffer main = ByteBuffer.allocate(0);
        for (Path recording : recordings) {
            try (FileChannel file = FileChannel.open(recording)) {
                ByteBuffer content = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
                if (content.getInt(0) == RecordedChannel.MAGIC) {
                    migration.channels.add(new RecordedChannel(content, method));
                } else {
                    main = content;
                }
            }
        }
        migration.packets = migration.channels.stream()
                .flatMap(channel -> channel.packets().stream())
                .sorted(Comparator.comparingInt(RecordedChannel.Packet::round)
                        .thenComparingLong(RecordedChannel.Packet::number))
                .toList();
        migration.readMain(main);
    }

    private void readMain(ByteBuffer in) throws IOException {
        in.position(9);
        in.position(in.getInt() + in.position());
        if (in.get(in.position()) == 0x05) { // the UUID, the only subsection of these machines
            in.position(in.position() + 1 + 1 + "configuration/uuid".length() + 4 + 16);
        }
        while (true) {
            switch (in.get()) {
                case 0x01 -> {
                    in.getInt();
                    name(in);
                    in.position(in.position() + 8);
                    readRecords(in);
                }
                case 0x02, 0x03 -> {
                    in.getInt();
                    readRecords(in);
                }
                case 0x08 -> in.position(in.position() + 4 + in.getShort(in.position() + 2));
                default -> {
                    checkChannels();
                    return;
                }
            }
        }
    }

    private void checkChannels() throws IOException {
        for (RecordedChannel channel : channels) {
            if (channel.syncs() != round) {
                throw new IOException(channel.syncs() + " SYNCs for " + round + " RAM sections");
            }
        }
        if (!packets.isEmpty()) {
            throw new IOException("packets after the last RAM section");
        }
    }

    private void readRecords(ByteBuffer in) throws IOException {
        while (true) {
            long word = in.getLong();
            long offset = word & -PAGE_BYTES;
            int flags = (int) word & (PAGE_BYTES - 1);
            if (flags == 0x10) {
                takePackets();
                in.position(in.position() + 5);
                return;
            }
            if (flags == 0x04) {
                for (long left = offset; left > 0; ) {
                    name(in);
                    left -= in.getLong();
                }
                continue;
            }
            if ((flags & CONTINUE) == 0) {
                current = name(in);
            }
            readPage(in, flags & ~CONTINUE, offset);
        }
    }

    private void readPage(ByteBuffer in, int flags, long offset) throws IOException {
        switch (flags) {
            case 0x02 -> {
                in.get();
                java.util.Arrays.fill(page, (byte) 0);
            }
            case 0x08 -> in.get(page);
            case 0x40 -> {
                in.get();
                ByteBuffer delta = in.slice(in.position() + 2, in.getShort(in.position()));
                in.position(in.position() + 2 + delta.capacity());
                if (current.equals(block)) {
                    MemorySegment.copy(ram, offset, MemorySegment.ofArray(page), 0, PAGE_BYTES);
                    apply(delta);
                }
            }
            default -> throw new IOException("flags 0x" + Integer.toHexString(flags));
        }
        put(current, offset);
    }

    /** Runs of bytes that stay and of bytes that are replaced, by turns. */
    private void apply(ByteBuffer delta) {
        int at = 0;
        while (delta.hasRemaining()) {
            at += uleb(delta);
            int bytes = uleb(delta);
            delta.get(page, at, bytes);
            at += bytes;
        }
    }

    private static int uleb(ByteBuffer in) {
        int low = in.get();
        return low >= 0 ? low : (low & 0x7f) | (in.get() << 7);
    }

    private void takePackets() throws IOException {
        int taken = 0;
        for (RecordedChannel.Packet packet : packets) {
            if (packet.round() > round) {
                break;
            }
            taken++;
            for (int i = 0; i < packet.offsets().size(); i++) {
                if (i < packet.normalPages()) {
                    packet.channel().nextPage(page);
                } else {
                    java.util.Arrays.fill(page, (byte) 0);
                }
                put(packet.block(), packet.offsets().get(i));
            }
        }
        packets = packets.subList(taken, packets.size());
        round++;
    }

    private void put(String place, long offset) {
        if (place.equals(block)) {
            MemorySegment.copy(MemorySegment.ofArray(page), 0, ram, offset, PAGE_BYTES);
        }
    }

    private static String name(ByteBuffer in) {
        byte[] bytes = new byte[in.get() & 0xff];
        in.get(bytes);
        return new String(bytes, StandardCharsets.US_ASCII);
    }
}
