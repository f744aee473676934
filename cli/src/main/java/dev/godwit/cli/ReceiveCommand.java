package dev.godwit.cli;

import dev.godwit.operations.Receive;
import dev.godwit.operations.ReceiveOptions;
import dev.godwit.operations.ReceiveResult;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.transport.MigrationUri;
import dev.godwit.transport.TlsCredentials.Endpoint;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit receive}. */
@Command(
        name = "receive",
        mixinStandardHelpOptions = true,
        description = {
            "Is the destination of one live migration that somebody else starts, into a snapshot file.",
            "A source with the capability return-path is told of success when the file is whole and synced, and keeps its"
                    + " guest if anything goes wrong."
        })
final class ReceiveCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Parameters(
            paramLabel = "FILE",
            description = "The snapshot; an earlier one is replaced when the new one is whole.")
    private Path file = Path.of("");

    @Option(
            names = "--listen",
            required = true,
            paramLabel = "URI",
            description =
                    "tcp:HOST:PORT (without a host: loopback; port 0: any free one), unix:PATH, fd:N, exec:COMMAND.")
    private MigrationUri listen = new MigrationUri.Unix(Path.of(""));

    @Option(
            names = "--multifd-channels",
            paramLabel = "N",
            description = "The source's multifd-channels, where its capability multifd is on.")
    private int multifdChannels;

    @Option(
            names = "--multifd-compression",
            paramLabel = "METHOD",
            description = "The source's multifd-compression: none (default), zlib or zstd.")
    private MultifdMethod multifdCompression = MultifdMethod.NONE;

    @Option(names = "--switchover-ack", description = "The source has the capability switchover-ack on.")
    private boolean switchoverAck;

    @Mixin
    private TlsArguments tls = new TlsArguments();

    @Override
    public Integer call() throws Exception {
        ReceiveOptions options = options();
        ReceiveResult result;
        try (StatusLine progress = common.progress();
                Receive receive = new Receive(options, progress, this::announce);
                Interruption.Registration _ = common.interruption().register(receive)) {
            result = receive.run();
        }
        if (common.json) {
            printJson(result);
        } else {
            printText(result);
        }
        return ExitStatus.DONE;
    }

    private ReceiveOptions options() throws IOException {
        if (multifdChannels == 0 && multifdCompression != MultifdMethod.NONE) {
            throw common.usage("--multifd-compression needs --multifd-channels");
        }
        try {
            return new ReceiveOptions(
                    file,
                    listen,
                    multifdChannels,
                    multifdCompression,
                    switchoverAck,
                    tls.credentials(Endpoint.SERVER, common));
        } catch (IllegalArgumentException e) {
            throw common.usage(e.getMessage());
        }
    }

    private void announce(MigrationUri address) {
        common.err().println("godwit: waiting for the source at " + Printable.text(address.toString()));
        common.err().flush();
    }

    private void printText(ReceiveResult result) {
        PrintWriter out = common.out();
        out.println(Printable.text(result.file().toString()) + ": whole and synced, a "
                + Printable.text(result.machineType()) + " received in " + Durations.text(result.total()));
        out.println(
                result.sourceTold()
                        ? "the source was told so"
                        : "the source could not be told so: it has no return path, and took the migration for complete when"
                                + " it had sent the last byte");
        out.flush();
    }

    private void printJson(ReceiveResult result) {
        JsonOutput.print(common.out(), json -> {
            json.writeStringProperty("file", result.file().toString());
            json.writeStringProperty("machineType", result.machineType());
            json.writeBooleanProperty("sourceTold", result.sourceTold());
            json.writeNumberProperty("totalMs", result.total().toMillis());
        });
    }
}
