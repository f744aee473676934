package dev.godwit.qemu;

import java.util.List;

/**
 * An instruction to the destination, in the forward stream: {@code u8 0x08, u16 command, u16 length, payload}, without
 * a footer (qemu-migration specification section 3.1).
 *
 * <pre>
 * command  name                  length  payload
 *  1       OPEN_RETURN_PATH      0
 *  2       PING                  4       u32 value
 *  3       POSTCOPY_ADVISE       16      u64 page sizes, u64 target page; length 0 for dirty bitmaps alone
 *  4       POSTCOPY_LISTEN       0
 *  5       POSTCOPY_RUN          0
 *  6       POSTCOPY_RAM_DISCARD  3+n+16k u8 0, counted string block, u8 0, k times (u64 start, u64 length)
 *  7       PACKAGED              4       u32 length of the blob that follows the command
 *  8       ENABLE_COLO           0
 *  9       POSTCOPY_RESUME       0
 * 10       RECV_BITMAP           1+n     counted string block
 * 11       SWITCHOVER_START      0
 * </pre>
 */
public sealed interface Command {

    /** {@return the number on the wire} */
    int number();

    /** {@return the name as QEMU's monitor and this documentation spell it} */
    String commandName();

    /** The destination starts to write return path messages. */
    record OpenReturnPath() implements Command {
        @Override
        public int number() {
            return 1;
        }

        @Override
        public String commandName() {
            return "OPEN_RETURN_PATH";
        }
    }

    /**
     * The destination answers with PONG.
     *
     * @param value comes back in the answer
     */
    record Ping(int value) implements Command {
        @Override
        public int number() {
            return 2;
        }

        @Override
        public String commandName() {
            return "PING";
        }
    }

    /**
     * The source may switch to postcopy of RAM later.
     *
     * @param pageSizesBytes all page sizes of the RAM blocks, or-ed
     * @param targetPageBytes the target page
     */
    record PostcopyAdvise(long pageSizesBytes, long targetPageBytes) implements Command {
        @Override
        public int number() {
            return 3;
        }

        @Override
        public String commandName() {
            return "POSTCOPY_ADVISE";
        }
    }

    /** The source may switch to postcopy of dirty bitmaps later; RAM is precopied. */
    record PostcopyAdviseBitmaps() implements Command {
        @Override
        public int number() {
            return 3;
        }

        @Override
        public String commandName() {
            return "POSTCOPY_ADVISE";
        }
    }

    /** The destination serves page faults from here on. */
    record PostcopyListen() implements Command {
        @Override
        public int number() {
            return 4;
        }

        @Override
        public String commandName() {
            return "POSTCOPY_LISTEN";
        }
    }

    /** The destination runs the guest; ends a PACKAGED blob. */
    record PostcopyRun() implements Command {
        @Override
        public int number() {
            return 5;
        }

        @Override
        public String commandName() {
            return "POSTCOPY_RUN";
        }
    }

    /**
     * The destination forgets pages that come again in the postcopy phase.
     *
     * @param block the RAM block's id
     * @param ranges at least one
     */
    record RamDiscard(String block, List<Range> ranges) implements Command {

        /** Copies the list. */
        public RamDiscard {
            ranges = List.copyOf(ranges);
        }

        @Override
        public int number() {
            return 6;
        }

        @Override
        public String commandName() {
            return "POSTCOPY_RAM_DISCARD";
        }

        /**
         * Pages in a row.
         *
         * @param startBytes offset in the block
         * @param lengthBytes how long
         */
        public record Range(long startBytes, long lengthBytes) {}
    }

    /**
     * A blob of commands and device sections follows, to be read whole before it is interpreted.
     *
     * @param lengthBytes of the blob
     */
    record Packaged(int lengthBytes) implements Command {
        @Override
        public int number() {
            return 7;
        }

        @Override
        public String commandName() {
            return "PACKAGED";
        }
    }

    /** COLO is on. */
    record EnableColo() implements Command {
        @Override
        public int number() {
            return 8;
        }

        @Override
        public String commandName() {
            return "ENABLE_COLO";
        }
    }

    /** The source is ready again after a recovery. */
    record PostcopyResume() implements Command {
        @Override
        public int number() {
            return 9;
        }

        @Override
        public String commandName() {
            return "POSTCOPY_RESUME";
        }
    }

    /**
     * The destination sends which pages of a block it has.
     *
     * @param block the RAM block's id
     */
    record ReceivedBitmap(String block) implements Command {
        @Override
        public int number() {
            return 10;
        }

        @Override
        public String commandName() {
            return "RECV_BITMAP";
        }
    }

    /** The source is about to send the final state. */
    record SwitchoverStart() implements Command {
        @Override
        public int number() {
            return 11;
        }

        @Override
        public String commandName() {
            return "SWITCHOVER_START";
        }
    }
}
