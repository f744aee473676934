package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.operations.machine.GuestHost;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A machine of ours that runs is saved as in 2007, goes through Xen's own converter and checker, and runs again: the
 * machine itself knows what every page must hold.
 */
@Timeout(300)
class XenChainTest {

    private static final WorkloadOptions GUEST =
            WorkloadOptions.ofRam(16L << 20).withLoad(WorkloadLoad.of(2000, WorkloadPattern.RANDOM));

    @TempDir
    Path folder;

    private static void done(Object... arguments) {
        Run run = Run.of(arguments);
        assertThat(run.status()).as(run.out() + run.err()).isZero();
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        for (int polls = 0; !condition.getAsBoolean(); polls++) {
            assertThat(polls).as("waited for " + what).isLessThan(20_000);
            Thread.sleep(5); // there is no event for every state of a machine
        }
    }

    private MigrationReport save(Path image, Map<MigrationParameter, Object> parameters) throws Exception {
        try (GuestHost source = new GuestHost(WorkloadMachine.create(GUEST), Optional.of("source"), false)) {
            source.setParameters(Map.of(MigrationParameter.X_FORMAT, "xen-2007"));
            source.setParameters(parameters);
            source.cont();
            source.migrate("file:" + image, false);
            await("the end", () -> !source.migration().status().isUnderWay());
            assertThat(source.migration().errorDescription()).isEmpty();
            assertThat(source.migration().status()).isEqualTo(MigrationStatus.COMPLETED);
            assertThat(source.runStatus()).isEqualTo(RunStatus.POSTMIGRATE);
            return source.migration();
        }
    }

    private void runsAgain(Path image) throws Exception {
        WorkloadMachine machine = WorkloadMachine.incoming(GUEST);
        String uri = "unix:" + folder.resolve("s");
        try (GuestHost destination = new GuestHost(machine, Optional.of("destination"), true)) {
            destination.migrateIncoming(uri, false);
            done("restore", image, "--to", uri, "--eager");
            await("the guest", () -> destination.migration().status() == MigrationStatus.COMPLETED);
            assertThat(destination.runStatus()).isEqualTo(RunStatus.RUNNING);
            assertThat(destination.whilePaused(_ -> machine.verify()).isSound()).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({"64, false, false", "32, true, false", "64, true, true"})
    void a_machine_goes_through_xen_s_own_tools_and_runs_again(int width, boolean debug, boolean strict)
            throws Exception {
        Path seed = folder.resolve("seed");
        Path legacy = folder.resolve("legacy");
        Path converted = folder.resolve("converted");
        MigrationReport report = save(
                seed,
                Map.of(
                        MigrationParameter.X_XEN_WORDS, Integer.toString(width),
                        MigrationParameter.X_XEN_DEBUG, debug,
                        MigrationParameter.X_XEN_STRICT, strict));
        assertThat(report.rounds()).hasSizeGreaterThanOrEqualTo(2).last().matches(MigrationReport.Round::last);
        done("verify", "--from", "xen-seed", seed);
        done("convert", seed, legacy, "--from", "xen-seed", "--to", width == 64 ? "xen-legacy" : "xen-legacy-32");
        XenSamples.Verdict verdict = XenSamples.convert(legacy, converted, width, "libxl");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        verdict = XenSamples.verify(converted, "libxl");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        done("diff", seed, converted, "--from", "xen-seed", "--from-b", "xen-v3");
        runsAgain(converted);
    }

    @Test
    void a_machine_s_stream_of_2007_is_a_snapshot_like_any_other() throws Exception {
        Path seed = folder.resolve("seed");
        Path snapshot = folder.resolve("snapshot");
        Path modern = folder.resolve("modern");
        save(seed, Map.of(MigrationParameter.X_XEN_MAX_ITERS, 1L));
        done("convert", seed, snapshot, "--from", "xen-seed", "--to", "mapped-ram");
        done("verify", snapshot);
        done("convert", snapshot, modern, "--to", "xen-v3");
        done("diff", snapshot, modern);
        runsAgain(snapshot);
    }
}
