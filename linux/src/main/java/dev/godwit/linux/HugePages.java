package dev.godwit.linux;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The kernel's pool of huge pages of one size.
 *
 * @param pageSizeBytes the size of one page
 * @param totalPages how many the pool has
 * @param freePages how many of them nobody uses
 */
public record HugePages(long pageSizeBytes, long totalPages, long freePages) {

    private static final Path POOLS = Path.of("/sys/kernel/mm/hugepages");

    /** {@return the pools of this kernel, smallest pages first; empty where the kernel has none or hides them} */
    public static List<HugePages> pools() {
        return poolsIn(POOLS);
    }

    static List<HugePages> poolsIn(Path folder) {
        List<HugePages> pools = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "hugepages-*kB")) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                long pageSizeKib = Long.parseLong(name.substring("hugepages-".length(), name.length() - 2));
                pools.add(new HugePages(
                        pageSizeKib * 1024, number(entry, "nr_hugepages"), number(entry, "free_hugepages")));
            }
        } catch (IOException | NumberFormatException e) {
            return List.of();
        }
        pools.sort(Comparator.comparingLong(HugePages::pageSizeBytes));
        return pools;
    }

    private static long number(Path folder, String file) throws IOException {
        return Long.parseLong(Files.readString(folder.resolve(file)).strip());
    }
}
