package dev.godwit.engine;

import java.io.IOException;

/**
 * Input that does not keep to its format: a stream or a file that is damaged, cut off, hostile, or of a kind that is
 * not supported. Its message says where, what was expected and what was found.
 */
public final class StreamFormatException extends IOException {

    private static final long serialVersionUID = 1L;

    private final long positionBytes;
    private final String section;

    /**
     * An error at a position.
     *
     * @param positionBytes where, in bytes from the start of the stream or file
     * @param section what was being read, in the words of the format, for example {@code ram START}
     * @param expected what would have been right
     * @param found what was there instead
     */
    public StreamFormatException(long positionBytes, String section, String expected, String found) {
        super("%s at byte %d (0x%x): expected %s, found %s"
                .formatted(section, positionBytes, positionBytes, expected, found));
        this.positionBytes = positionBytes;
        this.section = section;
    }

    /** {@return where the input is wrong, in bytes from its start} */
    public long positionBytes() {
        return positionBytes;
    }

    /** {@return what was being read} */
    public String section() {
        return section;
    }
}
