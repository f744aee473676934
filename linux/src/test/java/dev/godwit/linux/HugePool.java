package dev.godwit.linux;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Free huge pages of 2 MiB for the length of a test, where this user may have them. */
final class HugePool implements Closeable {

    private static final Path POOL = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");

    private final int before;

    private HugePool(int before) {
        this.before = before;
    }

    static HugePool with(int pages) throws IOException {
        assumeThat(POOL).as("this kernel has no huge pages of 2 MiB").exists();
        HugePool pool = new HugePool(total());
        boolean raised = Files.isWritable(POOL) && raise(pool.before + pages);
        long free = HugePages.pools().getFirst().freePages();
        if (free < pages) {
            pool.close();
        }
        assumeThat(free)
                .as("too few free huge pages of 2 MiB, and their number %s", raised ? "stays" : "may not be raised")
                .isGreaterThanOrEqualTo(pages);
        return pool;
    }

    private static boolean raise(int pages) {
        try {
            Files.writeString(POOL, Integer.toString(pages));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static int total() throws IOException {
        return Integer.parseInt(Files.readString(POOL).strip());
    }

    @Override
    public void close() throws IOException {
        if (total() != before) {
            Files.writeString(POOL, Integer.toString(before));
        }
    }
}
