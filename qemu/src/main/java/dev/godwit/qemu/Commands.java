package dev.godwit.qemu;

import dev.godwit.qemu.Command.RamDiscard;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Reads and writes commands; their byte table is at {@link Command}. */
public final class Commands {

    /** The longest PACKAGED blob that is accepted: device state is some megabytes at most. */
    public static final int MAX_PACKAGED_BYTES = 256 << 20;

    private static final int RANGE_BYTES = 16;

    private Commands() {}

    /**
     * Reads a command, from behind the type byte. Of PACKAGED the blob is still to be read.
     *
     * @throws dev.godwit.engine.StreamFormatException if it is unknown or has a wrong length
     */
    public static Command read(ByteInput input) throws IOException {
        input.section("command");
        long at = input.position();
        int number = input.u16();
        int lengthBytes = input.u16();
        if (!plausible(number, lengthBytes)) {
            throw input.unexpectedAt(
                    at, "a command, 1 to 11, with its length", "command " + number + " of " + lengthBytes + " bytes");
        }
        return switch (number) {
            case 1 -> new Command.OpenReturnPath();
            case 2 -> new Command.Ping(input.u32());
            case 3 ->
                lengthBytes == 0
                        ? new Command.PostcopyAdviseBitmaps()
                        : new Command.PostcopyAdvise(input.u64(), input.u64());
            case 4 -> new Command.PostcopyListen();
            case 5 -> new Command.PostcopyRun();
            case 6 -> readDiscard(input, lengthBytes);
            case 7 -> readPackaged(input);
            case 8 -> new Command.EnableColo();
            case 9 -> new Command.PostcopyResume();
            case 10 -> readReceivedBitmap(input, lengthBytes);
            case 11 -> new Command.SwitchoverStart();
            default -> throw new AssertionError(number);
        };
    }

    /** {@return whether there is a command of this number that may have this length} */
    static boolean plausible(int number, int lengthBytes) {
        return switch (number) {
            case 1, 4, 5, 8, 9, 11 -> lengthBytes == 0;
            case 2, 7 -> lengthBytes == 4;
            case 3 -> lengthBytes == 0 || lengthBytes == 16;
            case 6 -> lengthBytes >= 4 + RANGE_BYTES;
            case 10 -> lengthBytes >= 2 && lengthBytes <= 256;
            default -> false;
        };
    }

    private static Command readDiscard(ByteInput input, int lengthBytes) throws IOException {
        int version = input.u8();
        if (version != 0) {
            throw input.unexpectedAt(input.position() - 1, "POSTCOPY_RAM_DISCARD of version 0", "version " + version);
        }
        int idBytes = input.peek();
        int rangesBytes = lengthBytes - 3 - idBytes;
        if (idBytes == 0 || rangesBytes < RANGE_BYTES || rangesBytes % RANGE_BYTES != 0) {
            throw input.unexpected(
                    "POSTCOPY_RAM_DISCARD with a block and at least one range",
                    lengthBytes + " bytes with a block's id of " + idBytes);
        }
        String block = input.countedString("a RAM block's id");
        int end = input.u8();
        if (end != 0) {
            throw input.unexpectedAt(input.position() - 1, "a zero byte after the block's id", "byte " + end);
        }
        List<RamDiscard.Range> ranges = new ArrayList<>();
        for (int i = 0; i < rangesBytes / RANGE_BYTES; i++) {
            ranges.add(new RamDiscard.Range(input.u64(), input.u64()));
        }
        return new RamDiscard(block, ranges);
    }

    private static Command readPackaged(ByteInput input) throws IOException {
        int lengthBytes = input.u32();
        if (lengthBytes < 0 || lengthBytes > MAX_PACKAGED_BYTES) {
            throw input.unexpectedAt(
                    input.position() - 4,
                    "a PACKAGED blob of at most " + MAX_PACKAGED_BYTES + " bytes",
                    Integer.toUnsignedString(lengthBytes));
        }
        return new Command.Packaged(lengthBytes);
    }

    private static Command readReceivedBitmap(ByteInput input, int lengthBytes) throws IOException {
        int idBytes = input.peek();
        if (lengthBytes != 1 + idBytes) {
            throw input.unexpected("RECV_BITMAP of " + (1 + idBytes) + " bytes", lengthBytes + " bytes");
        }
        return new Command.ReceivedBitmap(input.countedString("a RAM block's id"));
    }

    /** Writes a command with its type byte. */
    public static void write(ByteOutput output, Command command) throws IOException {
        output.u8(SectionType.COMMAND.wireByte());
        output.u16(command.number());
        switch (command) {
            case Command.OpenReturnPath _,
                    Command.PostcopyAdviseBitmaps _,
                    Command.PostcopyListen _,
                    Command.PostcopyRun _,
                    Command.EnableColo _,
                    Command.PostcopyResume _,
                    Command.SwitchoverStart _ -> output.u16(0);
            case Command.Ping(int value) -> {
                output.u16(4);
                output.u32(value);
            }
            case Command.PostcopyAdvise(long pageSizesBytes, long targetPageBytes) -> {
                output.u16(16);
                output.u64(pageSizesBytes);
                output.u64(targetPageBytes);
            }
            case RamDiscard discard -> writeDiscard(output, discard);
            case Command.Packaged(int lengthBytes) -> {
                output.u16(4);
                output.u32(lengthBytes);
            }
            case Command.ReceivedBitmap(String block) -> {
                output.u16(1 + Utf8.lengthBytes(block));
                output.countedString(block);
            }
        }
    }

    private static void writeDiscard(ByteOutput output, RamDiscard discard) throws IOException {
        output.u16(3
                + Utf8.lengthBytes(discard.block())
                + RANGE_BYTES * discard.ranges().size());
        output.u8(0);
        output.countedString(discard.block());
        output.u8(0);
        for (RamDiscard.Range range : discard.ranges()) {
            output.u64(range.startBytes());
            output.u64(range.lengthBytes());
        }
    }
}
