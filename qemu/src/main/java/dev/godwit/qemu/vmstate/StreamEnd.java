package dev.godwit.qemu.vmstate;

import dev.godwit.engine.StreamFormatException;
import java.util.Arrays;

/**
 * Says when a stream of unknown devices is complete that does not end with its connection: a source with a return path
 * keeps the socket open and waits for an answer (qemu-migration specification section 1.7).
 *
 * <p>The stream is complete when a vmdescription reaches exactly to its end. Looks at every byte once to find the last
 * NUL, and reads JSON only where the stated length fits, so the work grows with the length received. Owned by one
 * thread.
 */
public final class StreamEnd {

    private int scannedBytes;
    private int lastNul = -1;

    /** An examination of one stream. */
    public StreamEnd() {}

    /**
     * {@return whether the stream is complete}
     *
     * @param tail everything received since the first FULL section behind RAM; what earlier calls saw is unchanged,
     *     though the array may be another
     * @param lengthBytes how much of it is filled; not less than in earlier calls
     */
    public boolean isComplete(byte[] tail, int lengthBytes) {
        for (int at = lengthBytes - 1; at >= scannedBytes; at--) {
            if (tail[at] == 0) {
                lastNul = at;
                break;
            }
        }
        scannedBytes = lengthBytes;
        if (lengthBytes == 0 || tail[lengthBytes - 1] != '}') {
            return false;
        }
        for (int eof : VmDescriptionPlace.candidates(tail, lengthBytes, lastNul)) {
            try {
                VmDescription.parse(
                        Arrays.copyOfRange(tail, eof + VmDescriptionPlace.JSON_AFTER_EOF_BYTES, lengthBytes), 0);
                return true;
            } catch (StreamFormatException _) {
                // device state that looks like it by chance: more is to come
            }
        }
        return false;
    }
}
