package dev.godwit.cli;

import dev.godwit.qmp.JsonObject;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of Xen's saver of 2007; used as a mixin. */
final class XenArguments {

    private static final String STREAM_OF_2007 = "xen-2007";

    @Option(
            names = "--format",
            paramLabel = "NAME",
            description = {
                "What a machine of Godwit's own sends: qemu (default), or xen-2007, the stream of Xen's saver of April"
                        + " 2007, by its own rules; without a return path. 'godwit convert --from xen-seed' reads it."
            })
    private @Nullable String format;

    @Option(
            names = "--xen-words",
            paramLabel = "BITS",
            description = "With xen-2007: words of 64 (default) or 32 bits.")
    private @Nullable String words;

    @Option(
            names = "--max-iters",
            paramLabel = "N",
            description = "With xen-2007 or policy xen: rounds with a running guest at most (29).")
    private @Nullable Integer maxIters;

    @Option(
            names = "--max-factor",
            paramLabel = "N",
            description = "With xen-2007 or policy xen: stop when more than N times all pages have been sent (3).")
    private @Nullable Integer maxFactor;

    @Option(names = "--debug-resend", description = "With xen-2007: send all again at the end, to be compared.")
    private boolean debug;

    @Option(names = "--strict-2007", description = "With xen-2007: with the bugs that the saver of 2007 had.")
    private boolean strict;

    boolean isStreamOf2007() {
        return STREAM_OF_2007.equals(format);
    }

    /** Adds what was said to a migration's parameters. */
    JsonObject addTo(JsonObject parameters, CommonOptions common, @Nullable String policy) {
        boolean policyXen = "xen".equals(policy);
        if (isStreamOf2007() && policy != null && !policyXen) {
            throw common.usage(
                    "--format %s has its own rules: --policy %s does not go with it".formatted(STREAM_OF_2007, policy));
        }
        if (!isStreamOf2007() && (words != null || debug || strict)) {
            throw common.usage("--xen-words, --debug-resend and --strict-2007 need --format " + STREAM_OF_2007);
        }
        if (!isStreamOf2007() && !policyXen && (maxIters != null || maxFactor != null)) {
            throw common.usage("--max-iters and --max-factor need --policy xen or --format " + STREAM_OF_2007);
        }
        JsonObject set = parameters;
        set = format == null ? set : set.with("x-format", format);
        set = words == null ? set : set.with("x-xen-words", words);
        set = maxIters == null ? set : set.with("x-xen-max-iters", maxIters);
        set = maxFactor == null ? set : set.with("x-xen-max-factor", maxFactor);
        set = debug ? set.with("x-xen-debug", true) : set;
        return strict ? set.with("x-xen-strict", true) : set;
    }
}
