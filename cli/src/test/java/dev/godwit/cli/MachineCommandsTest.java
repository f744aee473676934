package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code godwit run} and {@code godwit migrate} refuse before they do anything. */
class MachineCommandsTest {

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            run --machine workload --kernel x | --kernel is not for --machine workload
            run --machine kvm --flat x --seed 3 | --seed is not for --machine kvm
            run --machine kvm | --machine kvm needs --kernel or --flat, or --incoming
            run --machine kvm --kernel x --flat y | --flat goes without --kernel and --initrd
            run --machine kvm --kernel x --incoming tcp::0 | a guest that comes by a migration brings its program
            run --machine workload --incoming defer | needs a control socket
            run --machine workload -S | needs a control socket
            run --machine workload --rate many | --rate is a number of pages, or max
            run --machine workload --vcpus 0 | vcpus is 0
            run --machine workload --backing paper | --backing is anonymous, memfd or hugetlb
            run --machine workload --write-size 100 | writeBytes is 100
            run | --machine
            migrate --qmp x --multifd-compression zlib tcp:h:1 | --multifd-compression needs --multifd-channels
            migrate --qmp x --xbzrle-cache-size 1M tcp:h:1 | --xbzrle-cache-size needs --xbzrle
            migrate --qmp x --format xen-2007 --policy qemu file:x | has its own rules
            migrate --qmp x --xen-words 32 tcp:h:1 | need --format xen-2007
            migrate --qmp x --max-iters 3 tcp:h:1 | need --policy xen or --format xen-2007
            migrate tcp:h:1 | --qmp
            """)
    void what_makes_no_sense_is_a_usage_error(String arguments, String words) {
        Run run = Run.of((Object[]) arguments.split(" ", -1));
        assertThat(run.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(run.err()).contains(words);
    }

    @Test
    void a_control_socket_that_others_can_reach_is_refused() {
        Run run = Run.of("run", "--machine", "workload", "--ram", "1M", "--qmp", "tcp:0.0.0.0:0");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("whoever reaches a control socket controls the machine");
    }

    @Test
    void a_machine_that_is_not_there_is_not_migrated() {
        Run run = Run.of("migrate", "--json", "--qmp", folder.resolve("none").toString(), "tcp:h:1");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("there is no socket", "GUEST_AT_SOURCE");
        assertThat(run.out()).contains("\"guestLocation\"");
    }
}
