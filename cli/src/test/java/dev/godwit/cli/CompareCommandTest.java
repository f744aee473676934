package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.godwit.host.PagemapDirtyLog;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code godwit compare}, from the arguments to the table. */
@Timeout(300)
class CompareCommandTest {

    @BeforeEach
    void assumePossible() {
        assumeThat(PagemapDirtyLog.missing())
                .as("this host cannot track the writes of a machine: godwit doctor says why")
                .isEmpty();
    }

    private static Run compare(String more) {
        return Run.of((Object[])
                ("compare --ram 8M --rate 2000 --warm-up 50 " + more).strip().split(" ", -1));
    }

    @Test
    void every_policy_brings_every_page_and_has_its_row() {
        Run run = compare("");
        assertThat(run.status()).as(run.out() + run.err()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.out().lines()).hasSize(4);
        assertThat(run.out().lines().map(line -> line.split(" ", 2)[0]))
                .containsExactly("policy", "qemu", "brief", "xen");
        assertThat(run.out().lines().skip(1))
                .allSatisfy(line -> assertThat(line).endsWith("all right"));
    }

    @Test
    void as_json_it_is_one_document_with_what_each_policy_did() {
        Run run = compare("--policy xen,qemu --json");
        assertThat(run.status()).as(run.err()).isZero();
        assertThat(run.json().at("policies").list()).hasSize(2);
        String[] names = {"xen", "qemu"};
        for (int row = 0; row < names.length; row++) {
            assertThat(run.json().at("policies", row, "policy").value()).isEqualTo(names[row]);
            assertThat(run.json().at("policies", row, "status").value()).isEqualTo("completed");
            assertThat(run.json().at("policies", row, "sentPages").value())
                    .asInstanceOf(InstanceOfAssertFactories.LONG)
                    .isGreaterThan(8 * 256);
            assertThat(run.json().at("policies", row, "soundAtDestination").value())
                    .isEqualTo(true);
        }
    }

    @Test
    void a_migration_that_does_not_end_is_told_and_is_status_3() {
        Run run = compare("--policy qemu --max-bandwidth 1M --longest 1");
        assertThat(run.status()).as(run.err()).isEqualTo(ExitStatus.FOUND);
        assertThat(run.out()).contains("not ended").doesNotContain("all right");
    }

    @Test
    void a_policy_that_there_is_not_is_refused_by_name() {
        Run run = compare("--policy qemu,fastest");
        assertThat(run.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(run.err()).contains("fastest", "brief", "xen");
        assertThat(run.out()).isEmpty();
    }
}
