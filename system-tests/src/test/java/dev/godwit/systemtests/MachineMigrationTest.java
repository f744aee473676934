package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.MigrationStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Machines of ours in processes of their own, migrated by {@code godwit migrate} and over QMP, also while one is
 * killed.
 */
@Timeout(600)
class MachineMigrationTest {

    private static final String[] SMALL = {"--ram", "32M", "--rate", "4000", "--vcpus", "2"};

    @TempDir
    private Path folder;

    private RunningMachine source(String... more) throws IOException {
        return RunningMachine.start(folder, "source", concat(SMALL, more));
    }

    private RunningMachine destination(String name, String... more) throws IOException {
        return RunningMachine.start(folder, name, concat(SMALL, more));
    }

    private static String[] concat(String[] first, String... more) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(Arrays.asList(more));
        return all.toArray(String[]::new);
    }

    private String uri(String name) {
        return "unix:" + folder.resolve(name + ".sock");
    }

    private String migrate(int expectedStatus, RunningMachine from, String... arguments) throws Exception {
        Path log = folder.resolve("migrate.log");
        List<String> all =
                new ArrayList<>(List.of("migrate", "--qmp", from.socket().toString()));
        all.addAll(List.of(arguments));
        Process godwit = RunningMachine.godwit(log, all);
        assertThat(godwit.waitFor(200, TimeUnit.SECONDS)).isTrue();
        assertThat(godwit.exitValue()).as(Files.readString(log)).isEqualTo(expectedStatus);
        return Files.readString(log);
    }

    private static void assertSound(RunningMachine machine) throws IOException {
        JsonObject report = machine.verify();
        assertThat(report.truth("sound")).as(report.toString()).contains(true);
        assertThat(report.wholeNumber("checked-pages").orElseThrow()).isGreaterThanOrEqualTo(8192);
    }

    @Test
    void a_guest_moves_from_process_to_process_under_load_and_each_page_is_verified() throws Exception {
        RunningMachine here = source();
        try {
            for (int hop = 1; hop <= 4; hop++) {
                RunningMachine there = destination("hop" + hop, "--incoming", uri("hop" + hop));
                try {
                    String said = migrate(0, here, uri("hop" + hop));
                    assertThat(said).contains("the guest is at the destination, which says so", "total time");
                    assertThat(here.status()).isEqualTo("postmigrate");
                    assertThat(there.status()).isEqualTo("running");
                    assertSound(there);
                } finally {
                    here.close();
                }
                here = there;
            }
        } finally {
            here.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"--mapped-ram --multifd-channels 2,--lazy", "--mapped-ram --direct-io,--eager", "'',--eager"})
    void a_guest_is_saved_to_a_file_and_goes_on_from_there_in_another_process(String how, String load)
            throws Exception {
        Path file = folder.resolve("guest");
        try (RunningMachine here = source()) {
            List<String> arguments = new ArrayList<>(List.of("file:" + file));
            arguments.addAll(how.isEmpty() ? List.of() : List.of(how.split(" ", -1)));
            String said = migrate(0, here, arguments.toArray(String[]::new));
            assertThat(said).contains("the guest is in file:" + file);
            assertThat(here.status()).isEqualTo("postmigrate");
        }
        try (RunningMachine there = destination("there", "--load", file.toString(), load)) {
            there.awaitMigration("completed");
            assertThat(there.status()).isEqualTo("running");
            assertSound(there);
        }
    }

    @Test
    void a_source_that_is_killed_while_it_saves_leaves_what_was_there() throws Exception {
        Path file = Files.writeString(folder.resolve("guest"), "an older guest");
        try (RunningMachine here = source()) {
            here.monitor.setMigrationCapabilities(Map.of("mapped-ram", true));
            here.monitor.setMigrationParameters(JsonObject.empty().with("max-bandwidth", 1L << 20));
            here.monitor.migrate("file:" + file);
            here.awaitMigration("active");
            here.kill();
        }
        assertThat(file).hasContent("an older guest");
    }

    @ParameterizedTest
    @CsvSource({
        "multifd, --multifd-channels 3 --multifd-compression zstd",
        "multifd, --multifd-channels 2 --multifd-compression zlib",
        "xbzrle, --xbzrle --xbzrle-cache-size 4M --downtime-limit 50 --max-bandwidth 64M",
        "auto-converge, --auto-converge",
        "switchover-ack, --switchover-ack",
        "events, --policy xen",
        "events, --no-return-path"
    })
    void the_command_migrates_with(String capability, String arguments) throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("destination", "--incoming", "defer")) {
            Map<String, Boolean> on = capability.equals("switchover-ack")
                    ? Map.of(capability, true, "return-path", true)
                    : Map.of(capability, true);
            destination.monitor.setMigrationCapabilities(on);
            if (arguments.contains("--multifd-channels")) {
                String[] words = arguments.split(" ", -1);
                destination.monitor.setMigrationParameters(JsonObject.of("multifd-compression", words[3])
                        .with("multifd-channels", Long.parseLong(words[1])));
            }
            destination.monitor.migrateIncoming(uri("m"));
            migrate(0, source, concat(arguments.split(" ", -1), uri("m")));
            destination.awaitMigration("completed");
            assertThat(source.status()).isEqualTo("postmigrate");
            assertThat(destination.status()).isEqualTo("running");
            assertSound(destination);
        }
    }

    @Test
    void over_tcp_the_port_that_was_chosen_is_told() throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("destination", "--incoming", "tcp:127.0.0.1:0", "-S")) {
            destination.awaitMigration("setup"); // its control socket may come first
            JsonObject address = (JsonObject) destination
                    .monitor
                    .queryMigrate()
                    .all()
                    .array("socket-address")
                    .orElseThrow()
                    .getFirst();
            String said = migrate(
                    0,
                    source,
                    "--json",
                    "-q",
                    "tcp:127.0.0.1:" + address.text("port").orElseThrow());
            assertThat(said).contains("\"guestLocation\" : \"GUEST_AT_DESTINATION\"", "\"downtimeMs\"");
            assertThat(destination.status()).isEqualTo("paused");
            assertSound(destination);
            destination.monitor.cont();
            assertThat(destination.status()).isEqualTo("running");
        }
    }

    @Test
    void a_machine_of_another_size_refuses_and_both_sides_say_what_they_expected() throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination =
                        RunningMachine.start(folder, "big", "--ram", "48M", "--incoming", uri("m"))) {
            String said = migrate(1, source, uri("m"));
            assertThat(said).contains("the migration failed", "GUEST_AT_SOURCE");
            assertThat(source.status()).isEqualTo("running");
            assertSound(source);
            assertThat(destination.awaitExit()).isEqualTo(1);
            assertThat(destination.log())
                    .contains("no guest arrived", "expected block ram of 50331648 bytes, found one of 33554432");
        }
    }

    /**
     * Whatever the moment: afterwards exactly one side runs the guest, whole, or the guest was killed with its side.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void the_destination_is_killed_at_any_moment_seed(long seed) throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("destination", "--incoming", uri("m"))) {
            begin(source, seed);
            destination.kill();
            MigrationStatus end = source.awaitMigration("completed", "failed");
            if (end.isCompleted()) {
                assertThat(source.status()).isEqualTo("postmigrate");
            } else {
                assertThat(end.errorDescription()).isPresent();
                assertThat(source.status()).isEqualTo("running");
                assertSound(source);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void the_source_is_killed_at_any_moment_seed(long seed) throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("destination", "--incoming", "defer")) {
            destination.qmp.execute(
                    "migrate-incoming", JsonObject.of("uri", uri("m")).with("exit-on-error", false));
            begin(source, seed);
            source.kill();
            MigrationStatus end = destination.awaitMigration("completed", "failed", "setup");
            if (end.isCompleted()) {
                assertThat(destination.status()).isEqualTo("running");
                assertSound(destination);
            } else {
                assertThat(destination.status()).isNotEqualTo("running");
            }
        }
    }

    @Test
    void a_destination_whose_source_is_killed_ends_with_status_1_and_says_why() throws Exception {
        try (RunningMachine source = source();
                RunningMachine destination = destination("destination", "--incoming", uri("m"))) {
            source.monitor.setMigrationParameters(JsonObject.empty().with("max-bandwidth", 1 << 20));
            source.monitor.setMigrationCapabilities(Map.of("return-path", true));
            source.monitor.migrate(uri("m"));
            source.awaitMigration("active");
            destination.awaitMigration("active");
            source.kill();
            assertThat(destination.awaitExit()).isEqualTo(1);
            assertThat(destination.log()).contains("no guest arrived", "GUEST_AT_SOURCE");
        }
    }

    private void begin(RunningMachine source, long seed) throws Exception {
        source.monitor.setMigrationParameters(JsonObject.empty().with("max-bandwidth", 100L << 20));
        source.monitor.setMigrationCapabilities(Map.of("return-path", true));
        source.monitor.migrate(uri("m"));
        TimeUnit.NANOSECONDS.sleep(new Random(seed).nextLong(700_000_000L)); // any moment is a right one
    }

    @Test
    void ctrl_c_cancels_the_migration_and_the_guest_stays() throws Exception {
        try (RunningMachine source = source();
                RunningMachine _ = destination("destination", "--incoming", uri("m"))) {
            Path log = folder.resolve("migrate.log");
            Process godwit = RunningMachine.godwit(
                    log, List.of("migrate", "--qmp", source.socket().toString(), "--max-bandwidth", "1M", uri("m")));
            source.awaitMigration("active");
            assertThat(RunningMachine.signal("INT", godwit.pid())).isZero();
            assertThat(godwit.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(godwit.exitValue()).as(Files.readString(log)).isEqualTo(130);
            assertThat(Files.readString(log)).contains("the migration was cancelled", "GUEST_AT_SOURCE");
            assertThat(source.status()).isEqualTo("running");
            assertThat(source.monitor.migrationParameters().wholeNumber("max-bandwidth"))
                    .hasValue(134_217_728);
            assertSound(source);
        }
    }

    @Test
    void a_machine_ends_in_order_on_a_signal_and_on_quit() throws Exception {
        try (RunningMachine first = source();
                RunningMachine second = destination("second")) {
            assertThat(RunningMachine.signal("TERM", first.pid())).isZero();
            assertThat(first.awaitExit()).as(first.log()).isZero();
            assertThat(first.socket()).doesNotExist();
            second.qmp.execute("quit");
            assertThat(second.awaitExit()).as(second.log()).isZero();
            assertThat(second.socket()).doesNotExist();
        }
    }
}
