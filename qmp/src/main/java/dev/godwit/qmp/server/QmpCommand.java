package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;

/**
 * A command that a {@link QmpServer} offers.
 *
 * @param name such as {@code query-status}
 * @param outOfBand whether it may overtake commands before it ({@code exec-oob}); it has to be quick then
 * @param body what it does
 */
public record QmpCommand(String name, boolean outOfBand, Body body) {

    /** What a command does. Called by one thread a client, several clients at once. */
    public interface Body {

        /**
         * {@return the answer}
         *
         * @param arguments those of the command; what the body does not ask for is refused by {@link Arguments#end()},
         *     which it has to call before it changes anything
         * @throws RefusedCommandException if the arguments are wrong
         * @throws ControlException if the machine refuses; nothing has changed
         */
        JsonValue execute(Arguments arguments) throws RefusedCommandException, ControlException;
    }

    /** What a command does that has nothing to answer. */
    public interface Action {

        /** Does it; like {@link Body#execute}. */
        void execute(Arguments arguments) throws RefusedCommandException, ControlException;
    }

    /** {@return a command that answers something} */
    public static QmpCommand answering(String name, Body body) {
        return new QmpCommand(name, false, body);
    }

    /** {@return a command that answers an empty object} */
    public static QmpCommand doing(String name, Action action) {
        return new QmpCommand(name, false, arguments -> {
            action.execute(arguments);
            return JsonObject.empty();
        });
    }

    /** {@return the same command, which may also be executed out of band} */
    public QmpCommand alsoOutOfBand() {
        return new QmpCommand(name, true, body);
    }
}
