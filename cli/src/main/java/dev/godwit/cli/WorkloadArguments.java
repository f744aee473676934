package dev.godwit.cli;

import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.workload.PageMaking;
import dev.godwit.workload.WorkloadContent;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import picocli.CommandLine.Option;

/**
 * The options of {@code godwit run} that only the workload machine has. Used as a {@link picocli.CommandLine.Mixin}.
 */
final class WorkloadArguments {

    /** Their names. */
    static final Set<String> NAMES = Set.of(
            "--seed",
            "--rate",
            "--pattern",
            "--working-set",
            "--content",
            "--zero-pages",
            "--write-size",
            "--no-self-check");

    private static final String AS_FAST_AS_POSSIBLE = "max";

    @Option(names = "--seed", paramLabel = "N", description = "workload: what all content follows from (default 1).")
    private long seed = 1;

    @Option(
            names = "--rate",
            paramLabel = "PAGES",
            description = "workload: pages that the vCPUs write each second, or max (default).")
    private String rate = AS_FAST_AS_POSSIBLE;

    @Option(
            names = "--pattern",
            paramLabel = "ORDER",
            description = "workload: sequential, random (default) or zipf: few pages often.")
    private WorkloadPattern pattern = WorkloadPattern.RANDOM;

    @Option(
            names = "--working-set",
            paramLabel = "SIZE",
            description = "workload: how much of the RAM is written; all of it by default.")
    private ByteCount workingSet = new ByteCount(WorkloadLoad.ALL);

    @Option(
            names = "--content",
            paramLabel = "KIND",
            description = "workload: random pages (default), or compressible ones.")
    private WorkloadContent content = WorkloadContent.RANDOM;

    @Option(names = "--zero-pages", paramLabel = "PERCENT", description = "workload: how many pages are zero.")
    private int zeroPercentage;

    @Option(
            names = "--write-size",
            paramLabel = "SIZE",
            description = "workload: how much of a page a write replaces, 64 to 4096 (default).")
    private ByteCount writeBytes = new ByteCount(4096);

    @Option(names = "--no-self-check", description = "workload: a vCPU does not check a page before it writes it.")
    private boolean noSelfCheck;

    /**
     * {@return the machine}
     *
     * @throws IllegalArgumentException if the options make no sense; the message is for the user
     */
    WorkloadOptions options(long ramBytes, int vcpus, RamBacking backing, Optional<UUID> uuid) {
        WorkloadLoad load = WorkloadLoad.of(pagesPerSecond(), pattern).withWorkingSetBytes(workingSet.bytes());
        WorkloadOptions options = WorkloadOptions.ofRam(ramBytes)
                .withRam(RamOptions.of(backing))
                .withVcpus(vcpus)
                .withSeed(seed)
                .withMaking(new PageMaking(content, zeroPercentage, Math.toIntExact(writeBytes.bytes())))
                .withSelfCheck(!noSelfCheck)
                .withLoad(load);
        return uuid.map(options::withUuid).orElse(options);
    }

    private long pagesPerSecond() {
        if (rate.equals(AS_FAST_AS_POSSIBLE)) {
            return WorkloadLoad.AS_FAST_AS_POSSIBLE;
        }
        try {
            return Long.parseLong(rate);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("--rate is a number of pages, or max, and not '" + rate + "'", e);
        }
    }
}
