package dev.godwit.cli;

import dev.godwit.qmp.JsonObject;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How {@code godwit migrate} lets the guest go before its RAM. */
final class PostcopyArguments {

    @Option(
            names = "--postcopy",
            description = "Let the guest go first, and its RAM follow, if one pass was not enough; as the destination.")
    private boolean postcopy;

    @Option(
            names = "--postcopy-after",
            paramLabel = "PASSES",
            description = "With --postcopy: so many passes before the guest goes; 0 for at once (default: 1).")
    private @Nullable Integer afterPasses;

    @Option(
            names = "--preempt",
            description = "With --postcopy: pages that are asked for on a connection of their own; as the destination.")
    private boolean preempt;

    @Option(
            names = "--max-postcopy-bandwidth",
            paramLabel = "SIZE",
            description = "Bytes a second that are pushed behind the guest; what it asks for comes at once.")
    private @Nullable ByteCount maxBandwidth;

    @Option(
            names = "--postcopy-order",
            paramLabel = "ORDER",
            description = {
                "With --postcopy, of a machine of Godwit's own: linear, fault-forward (default), or recorded, which"
                        + " begins with what the guest wrote last."
            })
    private @Nullable String order;

    @Option(
            names = "--resume",
            description =
                    "Go on with a postcopy whose connection was lost; migrate-recover was given to the destination.")
    private boolean resume;

    boolean isResume() {
        return resume;
    }

    /** {@return how many passes to wait for before the guest goes first; empty where it does not} */
    OptionalInt afterPasses() {
        if (!postcopy) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(afterPasses == null ? 1 : afterPasses);
    }

    /**
     * Refuses what makes no sense.
     *
     * @param others whether anything else than these is set
     */
    void check(CommonOptions common, boolean others) {
        if (!postcopy && (afterPasses != null || preempt || order != null)) {
            throw common.usage("--postcopy-after, --preempt and --postcopy-order need --postcopy");
        }
        if (afterPasses != null && afterPasses < 0) {
            throw common.usage("--postcopy-after is 0 or more, not " + afterPasses);
        }
        if (resume && (postcopy || others)) {
            throw common.usage("--resume goes on with the settings that the migration has; only"
                    + " --max-postcopy-bandwidth can be given");
        }
    }

    void addCapabilities(Set<String> on) {
        if (postcopy) {
            on.add("postcopy-ram");
        }
        if (preempt) {
            on.add("postcopy-preempt");
        }
    }

    JsonObject addParameters(JsonObject parameters) {
        JsonObject set = parameters;
        set = maxBandwidth == null ? set : set.with("max-postcopy-bandwidth", maxBandwidth.bytes());
        return order == null ? set : set.with("x-postcopy-order", order);
    }
}
