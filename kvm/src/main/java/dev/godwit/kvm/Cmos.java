package dev.godwit.kvm;

import dev.godwit.engine.machine.DeviceState;
import java.io.IOException;
import java.time.Clock;
import java.time.LocalDateTime;

/**
 * The real-time clock and its memory at ports 0x70 and 0x71: device {@code godwit/cmos}, version 1. The time is the
 * host's, in UTC, in BCD and 24 hours; it cannot be set and raises no interrupt. RAM sizes are where firmware puts
 * them.
 */
final class Cmos implements SavedDevice {

    static final int INDEX_PORT = 0x70;
    static final int CONTENT_PORT = 0x71;
    static final String IDSTR = "godwit/cmos";

    private static final int VERSION = 1;
    private static final int BYTES = 128;
    private static final int STATUS_A = 0x0a;
    private static final int STATUS_B = 0x0b;
    private static final int STATUS_C = 0x0c;
    private static final int STATUS_D = 0x0d;
    private static final int CENTURY = 0x32;

    private final Clock clock;
    private final byte[] memory = new byte[BYTES];
    private int index;

    Cmos(Clock clock, long lowBytes, long highBytes) {
        this.clock = clock;
        memory[STATUS_A] = 0x26; // 32.768 kHz, 1024 interrupts a second
        memory[STATUS_B] = 0x02; // 24 hours, BCD
        memory[STATUS_D] = (byte) 0x80; // the battery is good
        put16(0x15, 640); // KiB of base memory
        long extendedKib = Math.min((lowBytes >> 10) - 1024, 0xfc00);
        put16(0x17, extendedKib);
        put16(0x30, extendedKib);
        put16(0x34, Math.max(0, lowBytes - (16L << 20)) >> 16); // 64 KiB each, from 16 MiB
        put16(0x5b, highBytes >> 16); // 64 KiB each, from 4 GiB
        memory[0x5d] = (byte) (highBytes >> 32);
    }

    private void put16(int at, long value) {
        memory[at] = (byte) Math.max(0, value);
        memory[at + 1] = (byte) (Math.max(0, value) >> 8);
    }

    @Override
    public int read(int port) {
        if (port == INDEX_PORT) {
            return 0xff; // write only
        }
        LocalDateTime now = LocalDateTime.now(clock);
        return switch (index) {
            case 0x00 -> bcd(now.getSecond());
            case 0x02 -> bcd(now.getMinute());
            case 0x04 -> bcd(now.getHour());
            case 0x06 -> now.getDayOfWeek().getValue() % 7 + 1;
            case 0x07 -> bcd(now.getDayOfMonth());
            case 0x08 -> bcd(now.getMonthValue());
            case 0x09 -> bcd(now.getYear() % 100);
            case CENTURY -> bcd(now.getYear() / 100);
            case STATUS_C -> 0;
            default -> memory[index] & 0xff;
        };
    }

    private static int bcd(int value) {
        return ((value / 10) << 4) | (value % 10);
    }

    @Override
    public void write(int port, int value) {
        if (port == INDEX_PORT) {
            index = value & (BYTES - 1); // the highest bit keeps NMIs away
        } else if (index > STATUS_D && index != CENTURY) {
            memory[index] = (byte) value;
        }
    }

    @Override
    public String idstr() {
        return IDSTR;
    }

    @Override
    public DeviceState save() {
        return DeviceState.of(IDSTR, 0, VERSION)
                .uint8("index", index)
                .buffer("memory", memory.clone())
                .build();
    }

    @Override
    public void load(DeviceState saved) throws IOException {
        DeviceState state = saved.atMostVersion(VERSION);
        index = (int) state.number("index", "uint8") & (BYTES - 1);
        System.arraycopy(state.buffer("memory", BYTES), 0, memory, 0, BYTES);
    }
}
