package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProbesTest {

    @ParameterizedTest
    @EnumSource(Userfaultfd.Way.class)
    void a_userfaultfd_is_asked_for_in_each_way_and_answers_either_way(Userfaultfd.Way way) {
        switch (Userfaultfd.probe(way)) {
            case Userfaultfd.Support.Available(var features) ->
                assertThat(features).isNotEmpty();
            case Userfaultfd.Support.Refused(Errno errno) ->
                assertThat(errno).isIn(Errno.EPERM, Errno.ENOSYS, Errno.ENOENT, Errno.EACCES, Errno.EINVAL);
        }
    }

    @Test
    void kvm_answers_either_way() {
        switch (Kvm.probe()) {
            case Kvm.Support.Available(int version) -> assertThat(version).isEqualTo(12);
            case Kvm.Support.Refused(Errno errno) -> assertThat(errno.code()).isPositive();
        }
    }

    @Test
    void page_size_is_a_power_of_two() {
        assertThat(Integer.bitCount(Host.pageSize())).isEqualTo(1);
    }

    @Test
    void the_kernel_says_its_release_as_it_says_it_to_everybody() throws Exception {
        assertThat(Host.kernelRelease())
                .isEqualTo(
                        Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip());
    }

    @Test
    void an_errno_reads_as_the_kernels_own_words() {
        assertThat(Errno.EPERM).hasToString("Operation not permitted (errno 1)");
    }

    @Test
    void huge_page_pools_are_read_smallest_first(@TempDir Path folder) throws Exception {
        pool(folder, "hugepages-1048576kB", 2, 1);
        pool(folder, "hugepages-2048kB", 512, 40);
        assertThat(HugePages.poolsIn(folder))
                .containsExactly(new HugePages(2L << 20, 512, 40), new HugePages(1L << 30, 2, 1));
    }

    @Test
    void a_kernel_without_huge_pages_has_no_pools(@TempDir Path folder) {
        assertThat(HugePages.poolsIn(folder.resolve("none"))).isEmpty();
    }

    private static void pool(Path folder, String name, int total, int free) throws Exception {
        Path pool = Files.createDirectory(folder.resolve(name));
        Files.writeString(pool.resolve("nr_hugepages"), total + "\n");
        Files.writeString(pool.resolve("free_hugepages"), free + "\n");
    }
}
