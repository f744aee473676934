package dev.godwit.cli;

import dev.godwit.operations.machine.DriveMigration;
import dev.godwit.operations.machine.DriveOptions;
import dev.godwit.operations.machine.DriveResult;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.transport.ByteSize;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit migrate}. */
@Command(
        name = "migrate",
        mixinStandardHelpOptions = true,
        description = {
            "Migrates the guest of a machine of Godwit's own, or of a QEMU, to another one that waits for it.",
            "Succeeds when the destination says that it has the guest. Ctrl-C cancels: the guest stays at the source, unless it"
                    + " has gone before its RAM; then the migration goes on without being watched."
        })
final class MigrateCommand implements Callable<Integer> {

    @Mixin
    private CommonOptions common = new CommonOptions();

    @Option(
            names = "--qmp",
            required = true,
            paramLabel = "SOCKET",
            description = "The source's QMP socket: unix:PATH or PATH.")
    private QmpAddress qmp = new QmpAddress.Unix(Path.of(""));

    @Parameters(paramLabel = "URI", description = "Where the destination listens: tcp:HOST:PORT or unix:PATH.")
    private String uri = "";

    @Option(
            names = "--policy",
            paramLabel = "NAME",
            description = {
                "The scan, skip and stop rules of a machine of Godwit's own: brief (default), which goes on until the"
                        + " pause is as short as the guest's writing allows; qemu, which stops as soon as the rest fits"
                        + " into the downtime limit; or xen."
            })
    private @Nullable String policy;

    @Mixin
    private XenArguments xen = new XenArguments();

    @Option(names = "--multifd-channels", paramLabel = "N", description = "Connections for pages; as the destination.")
    private @Nullable Integer multifdChannels;

    @Option(
            names = "--multifd-compression",
            paramLabel = "METHOD",
            description = "none (default), zlib or zstd; as the destination.")
    private @Nullable String multifdCompression;

    @Option(names = "--max-bandwidth", paramLabel = "SIZE", description = "Bytes a second at most; 0 for no limit.")
    private @Nullable ByteCount maxBandwidth;

    @Option(names = "--downtime-limit", paramLabel = "MS", description = "How long the guest may stand still.")
    private @Nullable Integer downtimeLimitMs;

    @Option(names = "--xbzrle", description = "Send pages that were sent before as differences.")
    private boolean xbzrle;

    @Option(names = "--xbzrle-cache-size", paramLabel = "SIZE", description = "Memory for that, a power of two.")
    private @Nullable ByteCount xbzrleCacheSize;

    @Option(names = "--auto-converge", description = "Slow the guest down if it writes faster than can be sent.")
    private boolean autoConverge;

    @Option(names = "--switchover-ack", description = "Wait for the destination's leave; it has it on too.")
    private boolean switchoverAck;

    @Option(names = "--validate-uuid", description = "The destination must be the same guest.")
    private boolean validateUuid;

    @Option(
            names = "--return-path",
            negatable = true,
            fallbackValue = "true",
            description =
                    "The destination says that it has the guest (default, but for a file); without, nobody knows.")
    private @Nullable Boolean returnPath;

    @Option(
            names = "--mapped-ram",
            description = {
                "Into a file in which each page has its place: file:PATH[,offset=N].",
                "--multifd-channels is how many threads write it then."
            })
    private boolean mappedRam;

    @Option(names = "--direct-io", description = "Pages go to a mapped-ram file past the page cache.")
    private boolean directIo;

    @Option(
            names = "--tls-creds",
            paramLabel = "ID",
            description =
                    "TLS with these credentials: the id of an object of the source, or of Godwit's machine a folder.")
    private @Nullable String tlsCredentials;

    @Option(names = "--tls-hostname", paramLabel = "NAME", description = "Whose certificate the destination must have.")
    private @Nullable String tlsHostname;

    @Mixin
    private PostcopyArguments postcopy = new PostcopyArguments();

    @Override
    public Integer call() throws Exception {
        JsonObject own = parameters();
        Set<String> capabilities = capabilities();
        postcopy.check(common, !own.members().isEmpty() || !capabilities.equals(Set.of("return-path")));
        postcopy.addCapabilities(capabilities);
        DriveOptions options = new DriveOptions(
                qmp, uri, capabilities, postcopy.addParameters(own), postcopy.afterPasses(), postcopy.isResume());
        DriveResult result;
        try (StatusLine progress = common.progress();
                DriveMigration migration = drive(options, progress);
                Interruption.Registration _ = common.interruption().register(migration)) {
            result = migration.run();
        }
        if (common.json) {
            printJson(result);
        } else {
            printText(result);
        }
        return ExitStatus.DONE;
    }

    /** By Xen's rules, it is told in Xen's words. */
    private DriveMigration drive(DriveOptions options, StatusLine progress) {
        DriveMigration migration = new DriveMigration(options, progress);
        return "xen".equals(policy) || xen.isStreamOf2007()
                ? migration.listener(new XenRounds(progress::note))
                : migration;
    }

    private Set<String> capabilities() {
        Set<String> on = new LinkedHashSet<>();
        boolean answers = !isFile() && !xen.isStreamOf2007();
        add(on, returnPath == null ? answers : returnPath, "return-path");
        add(on, mappedRam, "mapped-ram");
        add(on, multifdChannels != null, "multifd");
        add(on, xbzrle, "xbzrle");
        add(on, autoConverge, "auto-converge");
        add(on, switchoverAck, "switchover-ack");
        add(on, validateUuid, "validate-uuid");
        return on;
    }

    private boolean isFile() {
        return uri.startsWith("file:");
    }

    private static void add(Set<String> on, boolean wanted, String name) {
        if (wanted) {
            on.add(name);
        }
    }

    private JsonObject parameters() {
        if (multifdCompression != null && multifdChannels == null) {
            throw common.usage("--multifd-compression needs --multifd-channels");
        }
        if (xbzrleCacheSize != null && !xbzrle) {
            throw common.usage("--xbzrle-cache-size needs --xbzrle");
        }
        if (directIo && !mappedRam) {
            throw common.usage("--direct-io needs --mapped-ram");
        }
        JsonObject set = JsonObject.empty();
        set = directIo ? set.with("direct-io", true) : set;
        set = policy == null ? set : set.with("x-policy", policy);
        set = xen.addTo(set, common, policy);
        set = multifdChannels == null ? set : set.with("multifd-channels", multifdChannels);
        set = multifdCompression == null ? set : set.with("multifd-compression", multifdCompression);
        set = maxBandwidth == null ? set : set.with("max-bandwidth", maxBandwidth.bytes());
        set = downtimeLimitMs == null ? set : set.with("downtime-limit", downtimeLimitMs);
        set = xbzrleCacheSize == null ? set : set.with("xbzrle-cache-size", xbzrleCacheSize.bytes());
        set = tlsCredentials == null ? set : set.with("tls-creds", tlsCredentials);
        return tlsHostname == null ? set : set.with("tls-hostname", tlsHostname);
    }

    private void printText(DriveResult result) {
        common.out().println(outcome(result));
        JsonObject all = result.last().all();
        JsonObject ram = all.object("ram").orElse(JsonObject.empty());
        TextTable table = new TextTable("migration", "");
        table.row("total time", ms(all, "total-time"));
        table.row("the guest stood still", ms(all, "downtime"));
        table.row("sent", ByteSize.format(ram.wholeNumber("transferred").orElse(0)));
        table.row("RAM of the guest", ByteSize.format(ram.wholeNumber("total").orElse(0)));
        table.row("passes", Long.toString(ram.wholeNumber("dirty-sync-count").orElse(0)));
        table.row("pages with content", Long.toString(ram.wholeNumber("normal").orElse(0)));
        table.row("zero pages", Long.toString(ram.wholeNumber("duplicate").orElse(0)));
        if (ram.wholeNumber("postcopy-bytes").orElse(0) > 0) {
            table.row(
                    "sent behind the guest",
                    ByteSize.format(ram.wholeNumber("postcopy-bytes").orElse(0)));
            table.row(
                    "pages it asked for",
                    Long.toString(ram.wholeNumber("postcopy-requests").orElse(0)));
        }
        table.print(common.out());
        RoundsOutput.of(all).print(common.out());
        common.out().flush();
    }

    private String outcome(DriveResult result) {
        if (result.destinationConfirmed()) {
            return "the guest is at the destination, which says so";
        }
        return isFile()
                ? "the guest is in " + uri
                : "everything was sent; without a return path the destination has not said that it has the guest";
    }

    private static String ms(JsonObject answer, String name) {
        return answer.wholeNumber(name).isPresent()
                ? Durations.text(Duration.ofMillis(answer.wholeNumber(name).getAsLong()))
                : "unknown";
    }

    private void printJson(DriveResult result) {
        JsonObject all = result.last().all();
        JsonObject ram = all.object("ram").orElse(JsonObject.empty());
        JsonOutput.print(common.out(), json -> {
            json.writeStringProperty(
                    "guestLocation", result.destinationConfirmed() || isFile() ? "GUEST_AT_DESTINATION" : "UNKNOWN");
            all.wholeNumber("total-time").ifPresent(value -> json.writeNumberProperty("totalMs", value));
            all.wholeNumber("downtime").ifPresent(value -> json.writeNumberProperty("downtimeMs", value));
            ram.wholeNumber("transferred").ifPresent(value -> json.writeNumberProperty("sentBytes", value));
            ram.wholeNumber("total").ifPresent(value -> json.writeNumberProperty("ramBytes", value));
            ram.wholeNumber("dirty-sync-count").ifPresent(value -> json.writeNumberProperty("passes", value));
            ram.wholeNumber("normal").ifPresent(value -> json.writeNumberProperty("normalPages", value));
            ram.wholeNumber("duplicate").ifPresent(value -> json.writeNumberProperty("zeroPages", value));
            ram.wholeNumber("postcopy-bytes").ifPresent(value -> json.writeNumberProperty("postcopyBytes", value));
            ram.wholeNumber("postcopy-requests")
                    .ifPresent(value -> json.writeNumberProperty("postcopyRequests", value));
            RoundsOutput.of(all).write(json);
        });
    }
}
