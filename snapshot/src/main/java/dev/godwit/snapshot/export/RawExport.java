package dev.godwit.snapshot.export;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Blocks of RAM as files that hold just their bytes, sparse where pages are zero. */
public final class RawExport {

    private static final int MAX_NAME_LENGTH = 100;

    private RawExport() {}

    /**
     * Writes one block.
     *
     * @param target the file
     * @param replace whether a file of that name may be replaced
     * @throws IOException if that fails; what was there before stays
     */
    public static void writeBlock(RamSource ram, int blockIndex, Path target, boolean replace, Progress progress)
            throws IOException {
        RamBlock block = ram.layout().block(blockIndex);
        progress.phase("writing block " + block.id(), block.lengthBytes());
        try (ExportFile file = ExportFile.create(target, replace);
                SparseCopy copy = new SparseCopy(ram, file, progress)) {
            file.truncate(block.lengthBytes());
            copy.copy(blockIndex, 0, block.lengthBytes(), 0);
            file.commit();
        }
    }

    /**
     * Writes every block into a folder, made with mode 0700 where it is not there.
     *
     * @param folder the folder
     * @param replace whether an existing folder will do, in which files of the same names are replaced, each when its
     *     replacement is whole
     * @return the files in the order of the blocks
     * @throws FileAlreadyExistsException if the folder is there and {@code replace} is false
     * @throws IOException if a file cannot be written; those before it are whole
     */
    public static List<Path> writeAll(RamSource ram, Path folder, boolean replace, Progress progress)
            throws IOException {
        if (!Files.isDirectory(folder) || !replace) {
            if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
                throw new FileAlreadyExistsException(folder.toString());
            }
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        List<Path> files = new ArrayList<>();
        for (String name : fileNames(ram.layout())) {
            Path file = folder.resolve(name);
            writeBlock(ram, files.size(), file, replace, progress);
            files.add(file);
        }
        return files;
    }

    /**
     * {@return a file name for each block} Ids come from a stream and hold what they like: anything but letters,
     * digits, {@code -}, {@code _} and inner dots becomes {@code _}, and names that would be the same are numbered.
     */
    public static List<String> fileNames(RamLayout layout) {
        Set<String> taken = new HashSet<>();
        List<String> names = new ArrayList<>();
        for (RamBlock block : layout.blocks()) {
            String safe = block.id().replaceAll("[^A-Za-z0-9._-]", "_").replaceAll("^\\.|\\.\\.+", "_");
            safe = safe.substring(0, Math.min(safe.length(), MAX_NAME_LENGTH));
            String name = safe;
            for (int number = 2; !taken.add(name.toLowerCase(Locale.ROOT)); number++) {
                name = safe + "-" + number;
            }
            names.add(name + ".raw");
        }
        return names;
    }
}
