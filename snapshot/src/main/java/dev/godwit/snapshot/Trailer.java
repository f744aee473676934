package dev.godwit.snapshot;

import dev.godwit.qemu.mappedram.MappedRamBlock;
import java.util.HexFormat;
import java.util.List;

/**
 * What Godwit keeps behind the vmdescription of a snapshot. All numbers are big-endian, all positions from the start of
 * the file, all checksums CRC-32C; {@code docs/formats/snapshot.md} tells the same at more length.
 *
 * <pre>
 * start       8  magic 89 47 4f 44 57 49 54 0a      sections   each: 24 bytes of header, payload
 *             4  format version, 1                            0  u32 type
 *             4  checksum of the 12 bytes before              4  u32 flags: 1 mandatory, 2 payload checked elsewhere
 *                                                             8  u64 length of the payload
 * footer  0   8  magic as above                              16  u32 checksum of the payload (0 with flag 2)
 *         8   4  format version, 1                           20  u32 checksum of the 20 bytes before
 *        12   4  length of the footer, 80
 *        16   8  where the start stands           types  1 blocks  u32 count, each: u8 n, id, u64 length, u64 entry,
 *        24   8  from the start to the footer                      u64 bitmap, u64 pages (positions)
 *        32  32  root, SHA-256                           2 parts   u32 count, each: u8 kind, u32 block or 2^32-1,
 *        64   4  0                                                 u16 n, name, u64 position, u64 length, u32 checksum
 *        68   4  checksum of the 68 bytes before         3 facts   u16 n, machine type; u64 ms since 1970; u16 n, text
 *        72   8  magic "GODWITsn"                                  for Godwit's version, QEMU's, mode, source
 *                                                        4 hash directory  for each block: u32 count, each: u32 chunk,
 *                                                                  u32 checksum of the chunk
 *                                                        5 hash chunks     4096 bytes each: u32 checksum a page
 * </pre>
 *
 * The root is SHA-256 over the bytes of every part, in the order of the table of parts, then over everything from the
 * start to the footer.
 */
public final class Trailer {

    private final List<MappedRamBlock> blocks;
    private final List<FilePart> parts;
    private final String machineType;
    private final CreationFacts facts;
    private final HashDirectory hashes;
    private final long positionBytes;
    private final byte[] root;

    Trailer(
            List<MappedRamBlock> blocks,
            List<FilePart> parts,
            String machineType,
            CreationFacts facts,
            HashDirectory hashes,
            long positionBytes,
            byte[] root) {
        this.blocks = List.copyOf(blocks);
        this.parts = List.copyOf(parts);
        this.machineType = machineType;
        this.facts = facts;
        this.hashes = hashes;
        this.positionBytes = positionBytes;
        this.root = root.clone();
    }

    /** {@return the format's version} */
    public int formatVersion() {
        return TrailerFormat.VERSION;
    }

    /** {@return the block table} */
    public List<MappedRamBlock> blocks() {
        return blocks;
    }

    /** {@return every byte of the file that is neither page nor padding nor trailer, in file order} */
    public List<FilePart> parts() {
        return parts;
    }

    /** {@return the machine type, for example {@code pc-q35-10.0}} */
    public String machineType() {
        return machineType;
    }

    /** {@return how the snapshot came to be} */
    public CreationFacts facts() {
        return facts;
    }

    /** {@return where the trailer starts: the end of QEMU's part of the file} */
    public long positionBytes() {
        return positionBytes;
    }

    /** {@return the SHA-256 over all but the pages, and through their checksums over these too, in hexadecimal} */
    public String rootSha256() {
        return HexFormat.of().formatHex(root);
    }

    HashDirectory hashes() {
        return hashes;
    }

    byte[] root() {
        return root.clone();
    }
}
