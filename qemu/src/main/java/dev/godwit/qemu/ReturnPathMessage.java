package dev.godwit.qemu;

/**
 * A message from the destination to the source: {@code u16 type, u16 length, payload} (qemu-migration specification
 * section 3.4).
 *
 * <pre>
 * type  name            length  payload
 * 1     SHUT            4       u32: 0 all done, else the destination failed
 * 2     PONG            4       u32 value of the PING
 * 3     REQ_PAGES_ID    13+n    u64 start, u32 length, counted string block
 * 4     REQ_PAGES       12      u64 start, u32 length; block of the last REQ_PAGES_ID
 * 5     RECV_BITMAP     1+n     counted string block; then, not counted: u64 length, bitmap, u64 0x0123456789abcdef
 * 6     RESUME_ACK      4       u32 1
 * 7     SWITCHOVER_ACK  0
 * </pre>
 */
public sealed interface ReturnPathMessage {

    /**
     * The last message.
     *
     * @param status 0 if all is well; otherwise the source keeps its guest
     */
    record Shut(int status) implements ReturnPathMessage {}

    /**
     * The answer to a PING.
     *
     * @param value that of the PING
     */
    record Pong(int value) implements ReturnPathMessage {}

    /**
     * Asks for pages of a block that is named.
     *
     * @param block the RAM block's id
     * @param startBytes offset in the block
     * @param lengthBytes unsigned 32 bit
     */
    record RequestPagesOf(String block, long startBytes, int lengthBytes) implements ReturnPathMessage {}

    /**
     * Asks for pages of the block that was named last.
     *
     * @param startBytes offset in the block
     * @param lengthBytes unsigned 32 bit
     */
    record RequestPages(long startBytes, int lengthBytes) implements ReturnPathMessage {}

    /**
     * Which pages of a block the destination has.
     *
     * @param block the RAM block's id
     * @param bitmap 64-bit little-endian words, bit i is page i; owned by this record, not to be changed
     */
    @SuppressWarnings("ArrayRecordComponent") // carried, never compared
    record ReceivedBitmap(String block, byte[] bitmap) implements ReturnPathMessage {}

    /** The destination is ready again after a recovery. */
    record ResumeAck() implements ReturnPathMessage {}

    /** The destination has no objection to a switchover. */
    record SwitchoverAck() implements ReturnPathMessage {}
}
