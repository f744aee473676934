package dev.godwit.snapshot;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.zip.CRC32C;

/**
 * The pages that a guest touched first when it was restored, in the order of their first touch: the union over all
 * restores that were recorded. Kept in a file beside the snapshot, which is named after it.
 *
 * <pre>
 *  0  8   magic 89 47 57 57 53 0d 0a 1a
 *  8  4   format version, 1
 * 12  32  root of the snapshot, SHA-256; zero where it has none
 * 44  8   length of all blocks together
 * 52  4   count of pages
 * 56  12n u32 block (index in the snapshot's block list), u64 page of 4096 bytes in it
 * …   4   CRC-32C of all before
 * </pre>
 *
 * Big-endian.
 *
 * @param pages of 4096 bytes each, no page twice
 */
public record WorkingSet(List<PagePlace> pages) {

    /** So many pages are kept, 1 GiB of RAM; what comes later is dropped. */
    public static final int MOST_PAGES = 1 << 18;

    private static final long MAGIC = 0x89475757530d0a1aL;
    private static final int VERSION = 1;
    private static final int HEAD_BYTES = 56;
    private static final int PAGE_BYTES = 12;

    /** Copies the list. */
    public WorkingSet {
        pages = List.copyOf(pages);
    }

    /** {@return where the recording of a snapshot is kept} */
    public static Path pathFor(Path snapshot) {
        return snapshot.resolveSibling(snapshot.getFileName() + ".touched");
    }

    /**
     * {@return the recording that belongs to a snapshot; empty where there is none, or it is of another snapshot}
     *
     * @throws StreamFormatException if it is damaged
     * @throws IOException if it cannot be read
     */
    public static Optional<WorkingSet> of(Snapshot snapshot) throws IOException {
        Path path = pathFor(snapshot.path());
        long lengthBytes;
        try {
            lengthBytes = Files.size(path);
        } catch (NoSuchFileException _) {
            return Optional.empty();
        }
        if (lengthBytes < HEAD_BYTES + Integer.BYTES
                || lengthBytes > HEAD_BYTES + Integer.BYTES + (long) PAGE_BYTES * MOST_PAGES) {
            throw new StreamFormatException(0, path.toString(), "a recording of first touches", lengthBytes + " bytes");
        }
        return read(path, Files.readAllBytes(path), snapshot);
    }

    private static Optional<WorkingSet> read(Path path, byte[] content, Snapshot snapshot) throws IOException {
        int end = content.length - Integer.BYTES;
        CRC32C crc = new CRC32C();
        crc.update(content, 0, end);
        ByteBuffer bytes = ByteBuffer.wrap(content);
        if (bytes.getInt(end) != (int) crc.getValue() || bytes.getLong() != MAGIC || bytes.getInt() != VERSION) {
            throw new StreamFormatException(
                    0, path.toString(), "a recording of first touches, version 1, with its checksum", "something else");
        }
        byte[] root = new byte[32];
        bytes.get(root);
        long totalBytes = bytes.getLong();
        int count = bytes.getInt();
        if (count < 0 || (long) count * PAGE_BYTES != end - HEAD_BYTES) {
            throw new StreamFormatException(52, path.toString(), "as many pages as follow", "" + count);
        }
        if (!Arrays.equals(root, root(snapshot))
                || totalBytes != snapshot.layout().totalBytes()) {
            return Optional.empty();
        }
        List<PagePlace> pages = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int position = bytes.position();
            PagePlace place = new PagePlace(bytes.getInt(), bytes.getLong());
            if (!isIn(snapshot.layout(), place)) {
                throw new StreamFormatException(position, path.toString(), "a page of the guest", place.toString());
            }
            pages.add(place);
        }
        return Optional.of(new WorkingSet(pages));
    }

    private static boolean isIn(RamLayout layout, PagePlace place) {
        if (place.blockIndex() < 0 || place.blockIndex() >= layout.blocks().size()) {
            return false;
        }
        RamBlock block = layout.block(place.blockIndex());
        return place.page() >= 0 && place.page() < block.pages();
    }

    private static byte[] root(Snapshot snapshot) {
        return snapshot.trailer().map(Trailer::root).orElseGet(() -> new byte[32]);
    }

    /** {@return this, then those pages of a later run that are not in it} */
    public WorkingSet and(Iterable<PagePlace> later) {
        Set<PagePlace> union = new LinkedHashSet<>(pages);
        for (PagePlace place : later) {
            if (union.size() >= MOST_PAGES) {
                break;
            }
            union.add(place);
        }
        return new WorkingSet(List.copyOf(union));
    }

    /** {@return how much RAM it is} */
    public long lengthBytes() {
        return (long) pages.size() * Page.SIZE_BYTES;
    }

    /**
     * Keeps it beside its snapshot, in place of an earlier one.
     *
     * @throws IOException if that is impossible; an earlier one is as it was
     */
    public void keep(Snapshot snapshot) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream output = new DataOutputStream(bytes);
        output.writeLong(MAGIC);
        output.writeInt(VERSION);
        output.write(root(snapshot));
        output.writeLong(snapshot.layout().totalBytes());
        output.writeInt(pages.size());
        for (PagePlace place : pages) {
            output.writeInt(place.blockIndex());
            output.writeLong(place.page());
        }
        CRC32C crc = new CRC32C();
        crc.update(bytes.toByteArray());
        output.writeInt((int) crc.getValue());
        Path path = pathFor(snapshot.path());
        Path fresh = Files.createTempFile(path.toAbsolutePath().getParent(), ".godwit", ".touched");
        try {
            Files.write(fresh, bytes.toByteArray());
            Files.move(fresh, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }
}
