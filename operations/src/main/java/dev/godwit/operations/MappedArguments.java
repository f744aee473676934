package dev.godwit.operations;

import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.ram.RamBlock;
import dev.godwit.snapshot.MappablePages;
import dev.godwit.snapshot.Snapshot;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/**
 * How a QEMU of 8.2 or later has to be started so that its RAM is a private mapping of a snapshot: it reads the file's
 * pages where they lie, and what the guest writes stays in QEMU. The file is opened for reading only, so that nothing
 * that QEMU does to its RAM (a balloon that gives pages back, for example) can reach it.
 *
 * @param block the machine's RAM
 * @param options the options with their values, one after the other
 */
public record MappedArguments(RamBlock block, List<String> options) {

    private static final Set<String> MACHINES_OWN = Set.of("pc.ram", "microvm.ram");
    private static final String CANONICAL = "/objects/";

    /** Copies the list. */
    public MappedArguments {
        options = List.copyOf(options);
    }

    /**
     * {@return the arguments for a snapshot}
     *
     * @throws IOException if its RAM cannot be mapped; it says why
     */
    public static MappedArguments of(Snapshot snapshot) throws IOException {
        int index = mainBlock(snapshot.layout().blocks());
        MappablePages.check(snapshot, index);
        MappedRamBlock block = snapshot.head().layout().blocks().get(index);
        boolean canonical = block.block().id().startsWith(CANONICAL);
        String id = canonical
                ? block.block().id().substring(CANONICAL.length())
                : block.block().id();
        return new MappedArguments(
                block.block(),
                List.of(
                        "-machine",
                        snapshot.vmState().configuration().machineType() + ",memory-backend=" + id,
                        "-object",
                        ("memory-backend-file,id=%s,size=%d,mem-path=%s,offset=%d,share=off,readonly=on,rom=off,"
                                        + "x-use-canonical-path-for-ramblock-id=%s")
                                .formatted(
                                        id,
                                        block.block().lengthBytes(),
                                        snapshot.path().toRealPath().toString().replace(",", ",,"),
                                        block.header().pagesOffsetBytes(),
                                        canonical ? "on" : "off"),
                        "-incoming",
                        "defer"));
    }

    /** The machine's own RAM, or the largest block that is no device's: one that a user made for it. */
    private static int mainBlock(List<RamBlock> blocks) throws IOException {
        int found = -1;
        for (int index = 0; index < blocks.size(); index++) {
            RamBlock block = blocks.get(index);
            if (MACHINES_OWN.contains(block.id())) {
                return index;
            }
            boolean users = block.id().startsWith(CANONICAL)
                    || (!block.id().contains("/") && !block.id().startsWith("pc."));
            if (users && (found < 0 || block.lengthBytes() > blocks.get(found).lengthBytes())) {
                found = index;
            }
        }
        if (found < 0) {
            throw new IOException("the snapshot has no block of RAM that QEMU could map: " + blocks);
        }
        return found;
    }
}
