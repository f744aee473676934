package dev.godwit.snapshot;

/** One thing that is wrong with a snapshot file. */
public sealed interface Damage {

    /** {@return where it is, in bytes from the start of the file} */
    long positionBytes();

    /** {@return what is wrong, for people} */
    String describe();

    /**
     * A page whose content is not what was stored.
     *
     * @param blockId of its block
     * @param blockIndex of its block
     * @param offsetBytes where it lies in the block
     */
    record Page(String blockId, int blockIndex, long offsetBytes, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "page 0x%x of block %s is damaged".formatted(offsetBytes, blockId);
        }
    }

    /**
     * A page that is not present and whose place is not empty: it would be seen by a guest that maps the file.
     *
     * @param blockId of its block
     * @param blockIndex of its block
     * @param offsetBytes where it lies in the block
     */
    record StalePage(String blockId, int blockIndex, long offsetBytes, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "page 0x%x of block %s is not present, but its place holds data".formatted(offsetBytes, blockId);
        }
    }

    /**
     * Pages that cannot be checked, because their checksums are damaged themselves.
     *
     * @param blockId of their block
     * @param blockIndex of their block
     * @param offsetBytes where the first of them lies in the block
     * @param pages how many there are
     */
    record UncheckedPages(String blockId, int blockIndex, long offsetBytes, long pages, long positionBytes)
            implements Damage {
        @Override
        public String describe() {
            return "the trailer's checksums of %d pages from 0x%x of block %s are damaged"
                    .formatted(pages, offsetBytes, blockId);
        }
    }

    /**
     * The bitmap that says which pages of a block are present.
     *
     * @param blockId of the block
     * @param blockIndex of the block
     */
    record Bitmap(String blockId, int blockIndex, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "the bitmap of block " + blockId + " is damaged";
        }
    }

    /**
     * A header: of the stream, the configuration, a block, the end of RAM, the end of the stream.
     *
     * @param name what it is
     */
    record Header(String name, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return name + " is damaged";
        }
    }

    /**
     * The state of a device, or another section that is not RAM.
     *
     * @param name of the device
     */
    record DeviceSection(String name, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "the state of device " + name + " is damaged";
        }
    }

    /** The JSON that describes the device sections. */
    record VmDescription(long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "the vmdescription is damaged";
        }
    }

    /**
     * The trailer itself; the guest is not touched by it.
     *
     * @param name of the trailer's part
     */
    record InTrailer(String name, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "the trailer is damaged: " + name;
        }
    }

    /**
     * No bitmap has a bit set, but there are pages: QEMU's background-snapshot leaves such files with mapped-ram, and
     * loads them as empty memory without a word.
     */
    record BitmapsNeverWritten(long positionBytes) implements Damage {
        @Override
        public String describe() {
            return "no page is marked present, though pages are there: QEMU's background-snapshot with mapped-ram"
                    + " writes such files";
        }
    }

    /**
     * The file does not keep to its format.
     *
     * @param problem what was expected and found
     */
    record Structure(String problem, long positionBytes) implements Damage {
        @Override
        public String describe() {
            return problem;
        }
    }
}
