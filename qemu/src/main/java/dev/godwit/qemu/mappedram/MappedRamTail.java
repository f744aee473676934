package dev.godwit.qemu.mappedram;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.StreamOptions;
import dev.godwit.qemu.StreamReader;
import dev.godwit.qemu.VmState;
import java.io.IOException;

/**
 * Reads what follows the pages of a mapped-ram file (qemu-migration specification sections 1.4 and 5.1).
 *
 * <pre>
 * EOS and footer of the START section of ram
 * START dirty-bitmap, FULL of early devices
 * PART*, COMMAND*, END*              those of ram hold EOS alone
 * FULL*, EOF, VMDESCRIPTION
 * </pre>
 *
 * <p>Bytes behind the vmdescription are allowed, as QEMU ignores them.
 */
public final class MappedRamTail {

    /** The longest device state that is read; that of a machine with 80 devices has 2 MiB. */
    public static final int MAX_LENGTH_BYTES = 256 << 20;

    private MappedRamTail() {}

    /**
     * Reads the tail.
     *
     * @param endBytes where it ends at the latest: the end of the file, or where what is not QEMU's starts
     * @throws StreamFormatException if it cannot be split into its sections
     */
    public static VmState read(PositionedInput file, MappedRamHead head, long endBytes) throws IOException {
        long start = head.endBytes();
        long length = Math.min(endBytes, file.lengthBytes()) - start;
        if (length > MAX_LENGTH_BYTES) {
            throw new StreamFormatException(
                    start, "device state", "at most " + MAX_LENGTH_BYTES + " bytes", length + " bytes");
        }
        ByteInput input = new ByteInput(FileReader.channel(file, start, start + Math.max(0, length)), start);
        TailElements elements = new TailElements(input);
        StreamReader.behindPages(
                        input,
                        StreamOptions.ENDS.withBytesBehind(),
                        elements,
                        head.configuration(),
                        head.ramSectionId(),
                        head.layout().ram())
                .readBehindPages();
        return elements.state(head);
    }
}
