package dev.godwit.cli;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.operations.machine.GuestHost;
import dev.godwit.operations.machine.KvmKind;
import dev.godwit.operations.machine.LoadOptions;
import dev.godwit.operations.machine.MachineEnd;
import dev.godwit.operations.machine.MachineKind;
import dev.godwit.operations.machine.RunMachine;
import dev.godwit.operations.machine.RunOptions;
import dev.godwit.operations.machine.WorkloadKind;
import dev.godwit.transport.ByteSize;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code godwit run}. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Runs a machine of Godwit's own until it is quit: over its control socket, or by Ctrl-C.",
            "The control socket speaks QMP: what drives a QEMU's migrations drives this machine's."
        })
final class RunCommand implements Callable<Integer> {

    /** The kinds of machine. */
    enum Kind {
        WORKLOAD,
        KVM
    }

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Option(
            names = "--machine",
            required = true,
            paramLabel = "KIND",
            description = {
                "workload: vCPUs that write RAM by a program which knows what every page holds;",
                "kvm: a real guest, which needs /dev/kvm."
            })
    private Kind machine = Kind.WORKLOAD;

    @Option(names = "--ram", paramLabel = "SIZE", description = "How much RAM (default 64M).")
    private ByteCount ram = new ByteCount(64L << 20);

    @Option(names = "--vcpus", paramLabel = "N", description = "How many vCPUs (default 1).")
    private int vcpus = 1;

    @Option(
            names = "--backing",
            paramLabel = "KIND",
            description = "What the RAM is made of: anonymous (default), memfd or hugetlb (pages of 2 MiB).")
    private String backing = "anonymous";

    @Option(names = "--uuid", paramLabel = "UUID", description = "Who the guest is.")
    private @Nullable UUID uuid;

    @Option(names = "--name", paramLabel = "NAME", description = "What query-name answers.")
    private @Nullable String name;

    @Option(
            names = "--qmp",
            paramLabel = "SOCKET",
            description = "Where the control socket is made: unix:PATH, PATH, or tcp:127.0.0.1:PORT.")
    private @Nullable String qmp;

    @Option(
            names = "--incoming",
            paramLabel = "URI",
            description = "The guest comes by a migration: where to listen for it, or defer: QMP says so later.")
    private @Nullable String incoming;

    @Option(
            names = "--capability",
            paramLabel = "NAME",
            split = ",",
            description = {
                "Capabilities of migrations that are on from the start, by QEMU's names: with --incoming those that the"
                        + " source will use, for example postcopy-ram."
            })
    private List<String> capabilities = List.of();

    @Mixin
    private LoadArguments load = new LoadArguments();

    @Option(names = "-S", description = "The guest stays stopped until QMP's cont.")
    private boolean paused;

    @Option(
            names = "--tls-creds",
            paramLabel = "DIR",
            description = "Migrations inside TLS, with the x509 files of this folder (parameter tls-creds).")
    private @Nullable Path tlsCredentials;

    @Mixin
    private WorkloadArguments workload = new WorkloadArguments();

    @Mixin
    private KvmArguments kvm = new KvmArguments();

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        RunOptions options = options();
        MachineEnd end;
        try (RunMachine run = new RunMachine(options, this::ready);
                Interruption.Registration _ = common.interruption().register(run)) {
            end = run.run();
        }
        switch (end) {
            case MachineEnd.Quit(String reason) -> printEnd(reason);
            case MachineEnd.GuestLost(String error) -> throw new MigrationException(error, GuestLocation.GUEST_LOST);
            case MachineEnd.IncomingFailed(String error) ->
                throw new MigrationException("no guest arrived: " + error, GuestLocation.GUEST_AT_SOURCE);
        }
        return ExitStatus.DONE;
    }

    private RunOptions options() throws IOException {
        refuseOptionsOfOtherKinds();
        try {
            return new RunOptions(
                    kind(),
                    Optional.ofNullable(name),
                    Optional.ofNullable(qmp).map(RunCommand::control),
                    from(),
                    paused,
                    capabilities(),
                    Optional.ofNullable(tlsCredentials));
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw common.usage(e.getMessage());
        }
    }

    private Set<MigrationCapability> capabilities() {
        Set<MigrationCapability> on = EnumSet.noneOf(MigrationCapability.class);
        for (String word : capabilities) {
            on.add(MigrationCapability.of(word)
                    .orElseThrow(
                            () -> new IllegalArgumentException("--capability: there is no capability '" + word + "'")));
        }
        return on;
    }

    private void refuseOptionsOfOtherKinds() {
        Set<String> foreign = switch (machine) {
            case WORKLOAD -> KvmArguments.NAMES;
            case KVM -> WorkloadArguments.NAMES;
        };
        if (spec == null) {
            return;
        }
        for (OptionSpec option : spec.commandLine().getParseResult().matchedOptions()) {
            if (foreign.contains(option.longestName())) {
                throw common.usage(option.longestName() + " is not for --machine "
                        + machine.name().toLowerCase(Locale.ROOT));
            }
        }
    }

    private MachineKind kind() throws IOException {
        Optional<UUID> identity = Optional.ofNullable(uuid);
        return switch (machine) {
            case WORKLOAD -> new WorkloadKind(workload.options(ram.bytes(), vcpus, backing(), identity));
            case KVM ->
                new KvmKind(
                        kvm.options(incoming != null || load.isGiven(), vcpus, identity, common.json),
                        ram.bytes(),
                        RamOptions.of(backing()));
        };
    }

    private RamBacking backing() {
        return switch (backing) {
            case "anonymous" -> RamBacking.ANONYMOUS;
            case "memfd" -> RamBacking.MEMFD;
            case "hugetlb" -> RamBacking.HUGETLB_2M;
            default ->
                throw new IllegalArgumentException(
                        "--backing is anonymous, memfd or hugetlb, and not '" + backing + "'");
        };
    }

    private static MigrationUri control(String text) {
        return text.startsWith("unix:") || text.startsWith("tcp:")
                ? MigrationUri.parse(text)
                : new MigrationUri.Unix(Path.of(text));
    }

    private RunOptions.Incoming from() {
        Optional<LoadOptions> file = load.options();
        if (file.isPresent() && incoming != null) {
            throw common.usage("the guest comes from one place: --load or --incoming");
        }
        if (file.isPresent()) {
            return new RunOptions.Incoming.Loaded(file.get());
        }
        if (incoming == null) {
            return new RunOptions.Incoming.None();
        }
        return incoming.equals("defer") ? new RunOptions.Incoming.Deferred() : new RunOptions.Incoming.At(incoming);
    }

    private void ready(GuestHost host, Optional<MigrationUri> address) {
        StringBuilder line = new StringBuilder("godwit: ")
                .append(host.identity().type())
                .append(" with ")
                .append(ByteSize.format(ram.bytes()))
                .append(" of RAM: ")
                .append(host.runStatus().word());
        address.ifPresent(uri -> line.append(", QMP at ").append(uri));
        host.migration()
                .socketAddresses()
                .forEach(uri -> line.append(", waits for its guest at ").append(uri));
        PrintWriter err = common.err();
        err.println(Printable.text(line.toString()));
        err.flush();
        if (!common.quiet) {
            MachineWatch.start(host, err);
        }
    }

    private void printEnd(String reason) {
        if (common.json) {
            JsonOutput.print(common.out(), json -> json.writeStringProperty("end", reason));
        }
    }
}
