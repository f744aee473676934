package dev.godwit.operations;

import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.server.Arguments;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.qmp.server.QmpServer;
import dev.godwit.qmp.server.RefusedCommandException;
import dev.godwit.transport.ControlListener;
import dev.godwit.transport.MigrationUri;
import java.io.Closeable;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The control socket of clones that are brought up: QMP with two commands of its own, {@value #QUERY} and
 * {@value #PUSH}, which has {@code push} ({@code none}, {@code trickle} or {@code full}) and, for one of them only,
 * {@code clone}, its control socket as it was given.
 */
public final class CloneControl implements Closeable {

    /** Tells how all clones stand. */
    public static final String QUERY = "x-godwit-clones";

    /** Changes how much is pushed. */
    public static final String PUSH = "x-godwit-push";

    private final @Nullable ControlListener listener;
    private final @Nullable QmpServer server;

    private CloneControl(@Nullable ControlListener listener, @Nullable QmpServer server) {
        this.listener = listener;
        this.server = server;
    }

    /**
     * Listens, where that is wanted.
     *
     * @param uri a unix socket, or a port of this machine alone
     * @throws IOException if that is impossible
     */
    public static CloneControl open(Optional<MigrationUri> uri, Clones clones) throws IOException {
        if (uri.isEmpty()) {
            return new CloneControl(null, null);
        }
        ControlListener listener = ControlListener.open(uri.get());
        return new CloneControl(
                listener,
                QmpServer.serve(
                        listener.channel(),
                        "Godwit " + GodwitVersion.TEXT,
                        List.of(
                                QmpCommand.answering(QUERY, arguments -> query(arguments, clones)),
                                QmpCommand.answering(PUSH, arguments -> push(arguments, clones)))));
    }

    private static JsonValue query(Arguments arguments, Clones clones) throws RefusedCommandException {
        arguments.end();
        return JsonObject.empty()
                .with(
                        "clones",
                        new JsonArray(clones.status().stream()
                                .<JsonValue>map(CloneControl::json)
                                .toList()));
    }

    private static JsonObject json(CloneStatus clone) {
        PostcopyCounters.Totals pages = clone.pages();
        JsonObject object = JsonObject.of("clone", clone.destination().toString())
                .with("state", clone.state().word())
                .with("push", clone.residency().optionName())
                .with("requests", pages.requests())
                .with("requested-bytes", pages.requestedBytes())
                .with("pushed-bytes", pages.pushedBytes())
                .with("request-p99-us", pages.p99Ns() / 1000);
        return clone.failure()
                .map(failure -> object.with("error", failure.message())
                        .with("guest-location", failure.location().name()))
                .orElse(object);
    }

    private static JsonValue push(Arguments arguments, Clones clones) throws RefusedCommandException {
        String word = arguments.word(
                "push",
                Arrays.stream(Residency.values()).map(Residency::optionName).toList());
        Optional<String> clone = arguments.optionalText("clone");
        arguments.end();
        Optional<QmpAddress> address;
        try {
            address = clone.map(QmpAddress::parse);
        } catch (IllegalArgumentException e) {
            throw new RefusedCommandException(String.valueOf(e.getMessage()));
        }
        int changed = clones.push(address, Residency.parse(word));
        if (changed == 0) {
            throw new RefusedCommandException(
                    clone.map(name -> "there is no clone " + name + " to which anything is sent")
                            .orElse("there is no clone to which anything is sent"));
        }
        return JsonObject.empty().with("changed", changed);
    }

    @Override
    public void close() throws IOException {
        if (listener != null && server != null) {
            try (listener) {
                server.close();
            }
        }
    }
}
