package dev.godwit.cli;

import dev.godwit.operations.LazyRestore;
import dev.godwit.operations.LazyRestoreOptions;
import dev.godwit.operations.LazyRestoreResult;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.RestoreResult;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsClient;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit restore}. */
@Command(
        name = "restore",
        mixinStandardHelpOptions = true,
        description = {
            "Brings a guest back from its snapshot, into a QEMU of the same configuration that waits for it.",
            "The guest runs at once, and its RAM follows; succeeds when that QEMU has all of it."
        })
final class RestoreCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Parameters(paramLabel = "FILE", description = "A snapshot, a mapped-ram file or a classic QEMU stream.")
    private Path file = Path.of("");

    @ArgGroup(multiplicity = "0..1")
    private Into into = new Into();

    private static final class Into {
        @Option(
                names = "--qmp",
                required = true,
                paramLabel = "SOCKET",
                description = "The QMP socket of a QEMU that was started with -incoming defer.")
        private @Nullable QmpAddress qmp;

        @Option(
                names = "--to",
                required = true,
                paramLabel = "URI",
                description = "Where a QEMU listens that was started with -incoming URI: tcp:HOST:PORT or unix:PATH.")
        private @Nullable MigrationUri uri;

        @Option(
                names = "--print-qemu-args",
                required = true,
                description = "Restore nothing, and print with which arguments a QEMU has FILE mapped as its RAM, for"
                        + " --map.")
        private boolean printQemuArgs;
    }

    @ArgGroup
    private Way way = new Way();

    private static final class Way {
        @Option(names = "--lazy", description = "Let the guest run first, and send RAM as it is needed: the default.")
        @SuppressWarnings("UnusedVariable") // what is not eager is lazy: users may say so, and not both
        private boolean lazy;

        @Option(names = "--eager", description = "Send all of RAM before the guest runs.")
        private boolean eager;

        @Option(
                names = "--map",
                description = "Send no page of the RAM that QEMU has mapped from FILE (see --print-qemu-args), and let"
                        + " the kernel bring its pages. Needs --qmp.")
        private boolean map;
    }

    @Option(names = "--verify", description = "Hold every page of FILE against its checksum before anything else.")
    private boolean verify;

    @Mixin
    private LazyArguments lazy = new LazyArguments();

    @Mixin
    private TlsArguments tls = new TlsArguments();

    @Option(
            names = "--tls-hostname",
            paramLabel = "NAME",
            description = "Whose certificate the destination has to have; by default the host of a tcp: URI.")
    private @Nullable String tlsHostname;

    @Option(
            names = "--max-bandwidth",
            paramLabel = "SIZE",
            description = "Bytes a second at most; none by default. Pages that the guest waits for are not held back.")
    private ByteCount maxBandwidth = new ByteCount(0);

    @Override
    public Integer call() throws Exception {
        if (into.printQemuArgs) {
            MappedOutput.printArguments(common, file);
        } else if (way.eager || way.map) {
            lazy.refuseWithEager(common);
            if (way.map && maxBandwidth.bytes() != 0) {
                throw common.usage("--max-bandwidth limits what is sent, and with --map RAM is not");
            }
            eagerly();
        } else if (verify) {
            throw common.usage(
                    "--verify goes with --map and --eager; a lazy restore checks each page before it sends" + " it");
        } else {
            lazily();
        }
        return ExitStatus.DONE;
    }

    private void lazily() throws Exception {
        LazyRestoreOptions options = lazy.options(file, destination(), maxBandwidth.bytes());
        LazyRestoreResult result;
        try (StatusLine progress = common.progress();
                LazyRestore restore = new LazyRestore(options, progress);
                Interruption.Registration _ = common.interruption().register(restore)) {
            result = restore.run();
        }
        if (common.json) {
            LazyRestoreOutput.printJson(common.out(), result);
        } else {
            LazyRestoreOutput.printText(common.out(), result);
        }
        result.notRecorded().ifPresent(why -> common.err().println("godwit restore: nothing was recorded: " + why));
        common.err().flush();
    }

    private void eagerly() throws Exception {
        RestoreResult result;
        try (StatusLine progress = common.progress();
                Restore restore = new Restore(
                        new RestoreOptions(file, destination(), maxBandwidth.bytes(), way.map, verify), progress);
                Interruption.Registration _ = common.interruption().register(restore)) {
            result = restore.run();
        }
        if (common.json) {
            RestoreOutput.printJson(common.out(), result);
        } else {
            RestoreOutput.printText(common.out(), result);
        }
    }

    private Destination destination() throws IOException {
        if (into.qmp != null && tls.areGiven()) {
            throw common.usage("--tls-creds goes with --to; with --qmp the stream does not leave this host");
        }
        if (tlsHostname != null && (!tls.areGiven() || tlsHostname.isBlank())) {
            throw common.usage("--tls-hostname needs a name, and --tls-creds");
        }
        if (into.qmp != null) {
            return new Destination.Deferred(into.qmp);
        }
        if (into.uri != null) {
            Optional<String> hostname = Optional.ofNullable(tlsHostname);
            return new Destination.Listening(
                    into.uri,
                    tls.credentials(Endpoint.CLIENT, common).map(credentials -> new TlsClient(credentials, hostname)));
        }
        throw common.usage("one of --qmp, --to and --print-qemu-args is needed");
    }
}
