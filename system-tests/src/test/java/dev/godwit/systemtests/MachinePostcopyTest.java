package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import dev.godwit.testkit.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A machine of ours goes by postcopy to another process: driven by the command line, and while one is killed. */
@Timeout(600)
class MachinePostcopyTest {

    private static final String[] SMALL = {"--ram", "32M", "--vcpus", "2"};

    @TempDir
    private Path folder;

    @BeforeAll
    static void needs_userfaultfd() {
        List<String> refusals = PostcopySupport.of(RamBacking.ANONYMOUS, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy here: " + refusals);
    }

    private RunningMachine source() throws IOException {
        return RunningMachine.start(folder, "source", with(SMALL, "--rate", "20000"));
    }

    private RunningMachine destination(String capabilities) throws IOException {
        return RunningMachine.start(
                folder, "destination", with(SMALL, "--incoming", uri("m"), "--capability", capabilities));
    }

    private static String[] with(String[] first, String... more) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(Arrays.asList(more));
        return all.toArray(String[]::new);
    }

    private String uri(String name) {
        return "unix:" + folder.resolve(name + ".sock");
    }

    private Process migrate(RunningMachine from, String... arguments) throws IOException {
        List<String> all =
                new ArrayList<>(List.of("migrate", "--qmp", from.socket().toString()));
        all.addAll(List.of(arguments));
        return RunningMachine.godwit(log(), all);
    }

    private Path log() {
        return folder.resolve("migrate.log");
    }

    private String awaitEnd(Process migrate, int expectedStatus) throws Exception {
        assertThat(migrate.waitFor(200, TimeUnit.SECONDS)).isTrue();
        String said = Files.readString(log());
        assertThat(migrate.exitValue()).as(said).isEqualTo(expectedStatus);
        return said;
    }

    private static void assertArrived(RunningMachine source, RunningMachine destination) throws Exception {
        destination.awaitMigration("completed");
        assertThat(source.status()).isEqualTo("postmigrate");
        assertThat(destination.status()).isEqualTo("running");
        JsonObject report = destination.verify();
        assertThat(report.truth("sound")).as(report.toString()).contains(true);
        assertThat(report.wholeNumber("checked-pages").orElseThrow()).isGreaterThanOrEqualTo(8192);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--postcopy --postcopy-after 0",
                "--postcopy --max-bandwidth 64M",
                "--postcopy --preempt --postcopy-order linear --max-bandwidth 64M",
                "--postcopy --preempt --postcopy-after 0 --postcopy-order recorded"
            })
    void the_command_lets_a_guest_go_first_by(String arguments) throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("postcopy-ram,postcopy-blocktime"
                        + (arguments.contains("--preempt") ? ",postcopy-preempt" : ""))) {
            String said = awaitEnd(migrate(source, with(arguments.split(" ", -1), uri("m"))), 0);
            assertThat(said)
                    .contains("the guest is at the destination, which says so", "sent behind the guest")
                    .contains("pages it asked for", "the guest stood still");
            assertArrived(source, destination);
            JsonObject told = destination.monitor.queryMigrate().all();
            assertThat(told.wholeNumber("x-postcopy-faults").orElseThrow()).isPositive();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_connection_that_is_lost_is_made_anew_by_the_command(boolean preempt) throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("postcopy-ram" + (preempt ? ",postcopy-preempt" : ""))) {
            List<String> first = new ArrayList<>(
                    List.of(uri("m"), "--postcopy", "--postcopy-after", "0", "--max-postcopy-bandwidth", "4M"));
            if (preempt) {
                first.add("--preempt");
            }
            Process migrate = migrate(source, first.toArray(String[]::new));
            source.awaitMigration("postcopy-active");
            destination.awaitMigration("postcopy-active");
            (preempt ? source : destination).qmp.execute("migrate-pause");
            assertThat(awaitEnd(migrate, 1)).contains("--resume", "GUEST_AT_DESTINATION");
            source.awaitMigration("postcopy-paused");
            destination.awaitMigration("postcopy-paused");
            assertThat(destination.status()).isEqualTo("running");

            destination.qmp.execute("migrate-recover", JsonObject.of("uri", uri("again")));
            String said = awaitEnd(migrate(source, uri("again"), "--resume", "--max-postcopy-bandwidth", "0"), 0);
            assertThat(said).contains("the guest is at the destination, which says so");
            assertArrived(source, destination);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_guest_whose_source_is_killed_waits_where_it_is_and_sees_no_zeros(boolean preempt) throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("postcopy-ram" + (preempt ? ",postcopy-preempt" : ""))) {
            begin(source, preempt);
            destination.awaitMigration("postcopy-active");
            source.kill();

            MigrationStatus paused = destination.awaitMigration("postcopy-paused");
            assertThat(paused.errorDescription()).isPresent();
            assertThat(destination.status()).isEqualTo("running");
            Await.<Exception>until("a guest that stands still", () -> {
                long before = writtenPages(destination);
                TimeUnit.MILLISECONDS.sleep(500); // no event tells that nothing happens
                return writtenPages(destination) == before;
            });
            assertThat(statistics(destination).wholeNumber("damaged-pages")).hasValue(0);
            assertThat(destination.monitor.queryMigrate().status()).isEqualTo("postcopy-paused");
            assertThat(destination.log()).contains("waits until the source is back");
            destination.qmp.execute("quit");
            assertThat(destination.awaitExit()).as(destination.log()).isZero();
        }
    }

    private void begin(RunningMachine source, boolean preempt) throws Exception {
        Process migrate = migrate(
                source,
                with(
                        preempt ? new String[] {"--preempt"} : new String[0],
                        uri("m"),
                        "--postcopy",
                        "--postcopy-after",
                        "0",
                        "--max-postcopy-bandwidth",
                        "1M"));
        source.awaitMigration("postcopy-active");
        assertThat(migrate.isAlive()).isTrue();
    }

    private static long writtenPages(RunningMachine machine) throws IOException {
        return statistics(machine).wholeNumber("written-pages").orElseThrow();
    }

    private static JsonObject statistics(RunningMachine machine) throws IOException {
        return machine.qmp.execute("x-godwit-load");
    }

    @Test
    void a_source_whose_destination_is_killed_says_where_the_guest_is_and_never_runs_it() throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("postcopy-ram")) {
            begin(source, false);
            Await.until(
                    "a request, by which it is known here that the guest runs there",
                    () -> source.monitor
                                    .queryMigrate()
                                    .all()
                                    .object("ram")
                                    .orElseThrow()
                                    .wholeNumber("postcopy-requests")
                                    .orElseThrow()
                            > 0);
            destination.kill();

            MigrationStatus paused = source.awaitMigration("postcopy-paused");
            assertThat(paused.errorDescription().orElseThrow()).contains("the guest is at the destination");
            assertThat(source.status()).isEqualTo("finish-migrate");
            source.qmp.execute("quit");
            assertThat(source.awaitExit()).isEqualTo(1);
            assertThat(source.log()).contains("GUEST_LOST", "MiB that only the source had are lost");
        }
    }
}
