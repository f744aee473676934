package dev.godwit.xen;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Hears every element of a saved domain in order. A {@link SavedDomainWriter} is one: it writes what it hears, so that
 * a reader in front of it copies an image.
 *
 * <pre>
 * [xl] [libxl [libxlRecord*] libxcFollows] header (record | batch page*)* record(END) [libxlRecord* libxlEnd]
 * </pre>
 */
public interface SavedDomainVisitor {

    /** The file header of the command-line tool; a libxl stream follows. */
    default void xl(XlHeader header) throws IOException {}

    /** The head of a libxl stream. */
    default void libxl(LibxlHeader header) throws IOException {}

    /** A record of the libxl stream, about a device model. */
    default void libxlRecord(LibxlRecord record) throws IOException {}

    /** The libxc stream comes next inside the libxl stream. */
    default void libxcFollows() throws IOException {}

    /** The libxl stream is over. */
    default void libxlEnd() throws IOException {}

    /** The head of the libxc stream. */
    void header(ImageHeader header) throws IOException;

    /** A record that holds no pages; {@link RecordType#END} is the last. */
    void record(StreamRecord record) throws IOException;

    /**
     * A batch of frames; the content of each entry that {@linkplain PageEntry#hasContent has any} follows in order.
     *
     * @param entries see {@link PageEntry}; not to be changed or kept
     */
    void batch(long[] entries) throws IOException;

    /**
     * The content of a frame of the batch. A frame may come again; the last one counts.
     *
     * @param entry which frame
     * @param content 4096 bytes, good until the call returns
     */
    void page(long entry, MemorySegment content) throws IOException;
}
