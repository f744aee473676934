package dev.godwit.operations;

import dev.godwit.linux.ProcessMappings;
import dev.godwit.linux.ProcessMappings.FileMapping;
import dev.godwit.linux.UnixSocket;
import dev.godwit.qemu.mappedram.MappedRamBlock;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.snapshot.MappablePages;
import dev.godwit.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Which blocks of a QEMU's RAM are a private mapping of a snapshot, each at its pages: those need not be sent. A QEMU
 * whose RAM is anything else would run the guest on wrong memory, so everything that can be seen of it is looked at.
 */
final class MappedBlocks {

    private MappedBlocks() {}

    /**
     * {@return the blocks that are mapped, by their index}
     *
     * @throws IOException if none is, or one not as it should be; QEMU has heard nothing of the guest yet
     */
    static Set<Integer> of(DeferredQemu qemu, Snapshot snapshot) throws IOException {
        checkRelease(qemu.monitor().version());
        Set<Integer> mapped = new LinkedHashSet<>();
        List<MappedRamBlock> blocks = snapshot.head().layout().blocks();
        for (int index = 0; index < blocks.size(); index++) {
            String id = blocks.get(index).block().id();
            String object = id.startsWith("/objects/") ? id : "/objects/" + id;
            Optional<String> path = qemu.property(object, "mem-path");
            if (path.isPresent() && isSame(path.get(), snapshot.path())) {
                MappablePages.checkIfForeign(snapshot, index);
                check(qemu, object, blocks.get(index));
                mapped.add(index);
            }
        }
        if (mapped.isEmpty()) {
            throw new IOException("no RAM of that QEMU is a mapping of " + snapshot.path() + "; start it with "
                    + String.join(" ", MappedArguments.of(snapshot).options()));
        }
        checkProcess(qemu.qmp().address(), snapshot, mapped);
        return mapped;
    }

    /** {@code offset} came with 8.1, {@code readonly=on} with {@code rom=off} with 8.2. */
    private static void checkRelease(String version) throws IOException {
        String[] parts = version.split("\\.", -1);
        try {
            if (Integer.parseInt(parts[0]) * 100 + Integer.parseInt(parts[1]) >= 802) {
                return;
            }
        } catch (NumberFormatException _) {
            // One that does not say its release is taken for an old one.
        }
        throw new IOException("QEMU " + version + " cannot map RAM out of the middle of a file: 8.2 and later can");
    }

    /** A name that this process does not see is that of another file: QEMU may live in another folder or namespace. */
    private static boolean isSame(String memPath, Path snapshot) throws IOException {
        Path path = Path.of(memPath);
        return path.isAbsolute() && Files.exists(path) && Files.isSameFile(path, snapshot);
    }

    private static void check(DeferredQemu qemu, String object, MappedRamBlock block) throws IOException {
        String offset = qemu.property(object, "offset").orElse("");
        if (!offset.equals(Long.toString(block.header().pagesOffsetBytes()))) {
            throw new IOException("%s of that QEMU maps the snapshot from byte %s on, and the pages of block %s begin"
                            .formatted(object, offset, block.block().id())
                    + " at byte " + block.header().pagesOffsetBytes());
        }
        if (!qemu.property(object, "share").orElse("").equals("false")) {
            throw new IOException(object + " of that QEMU is shared: the guest would write into the snapshot; it has to"
                    + " be made with share=off");
        }
        if (!qemu.property(object, "readonly").orElse("").equals("true")) {
            throw new IOException(object + " of that QEMU has the snapshot open for writing, by which a balloon could"
                    + " punch holes into it; it has to be made with readonly=on,rom=off");
        }
    }

    /**
     * A name says nothing once the file was replaced; the kernel knows which one QEMU has mapped. Where it cannot be
     * asked (another user's QEMU, a socket that somebody else made for it) the name has to do.
     */
    private static void checkProcess(QmpAddress address, Snapshot snapshot, Set<Integer> mapped) throws IOException {
        if (!(address instanceof QmpAddress.Unix(Path socket))) {
            return;
        }
        List<FileMapping> mappings;
        try (UnixSocket connection = UnixSocket.connect(socket, UnixSocket.Type.STREAM)) {
            mappings = ProcessMappings.of(connection.peer().processId());
        } catch (IOException _) {
            return;
        }
        for (int index : mapped) {
            MappedRamBlock block = snapshot.head().layout().blocks().get(index);
            List<FileMapping> candidates =
                    mappings.stream().filter(mapping -> isOf(mapping, block)).toList();
            if (!candidates.isEmpty()
                    && candidates.stream().noneMatch(mapping -> mapping.inode() == snapshot.inode())) {
                throw new IOException("that QEMU has mapped another file than " + snapshot.path()
                        + ", which was replaced since QEMU was started; start it anew");
            }
        }
    }

    private static boolean isOf(FileMapping mapping, MappedRamBlock block) {
        return mapping.fileOffsetBytes() == block.header().pagesOffsetBytes()
                && mapping.lengthBytes() == block.block().lengthBytes();
    }
}
