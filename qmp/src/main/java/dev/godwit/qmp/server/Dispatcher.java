package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.server.RefusedCommandException.ErrorClass;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Turns one client's messages into answers; keeps the state of its negotiation. */
final class Dispatcher {

    private static final String NEGOTIATE = "qmp_capabilities";
    private static final String LIST = "query-commands";

    private final CommandTable commands;
    private volatile boolean negotiated;
    private volatile boolean outOfBand;

    Dispatcher(CommandTable commands) {
        this.commands = commands;
    }

    boolean negotiated() {
        return negotiated;
    }

    /** {@return whether a message may overtake those before it} */
    boolean isOutOfBand(JsonObject message) {
        return outOfBand && message.get("exec-oob").isPresent();
    }

    static JsonObject malformed(String reason) {
        return error(Optional.empty(), ErrorClass.GENERIC, "JSON parse error, " + reason);
    }

    /** {@return the answer to a message; never fails} */
    JsonObject execute(JsonValue message) {
        Optional<JsonValue> id = message instanceof JsonObject object ? object.get("id") : Optional.empty();
        try {
            if (!(message instanceof JsonObject object)) {
                throw new RefusedCommandException("QMP input must be a JSON object");
            }
            JsonObject answer = JsonObject.empty().with("return", result(object));
            return id.isEmpty() ? answer : answer.with("id", id.get());
        } catch (RefusedCommandException e) {
            return error(id, e.errorClass(), String.valueOf(e.getMessage()));
        } catch (ControlException e) {
            return error(id, ErrorClass.GENERIC, String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            QmpServer.LOG.log(Level.ERROR, "QMP: a command failed by a defect: " + message, e);
            return error(id, ErrorClass.GENERIC, "a defect in godwit: " + e);
        }
    }

    private static JsonObject error(Optional<JsonValue> id, ErrorClass errorClass, String description) {
        JsonObject error = JsonObject.of("class", errorClass.word()).with("desc", description);
        JsonObject answer =
                id.isEmpty() ? JsonObject.empty() : JsonObject.empty().with("id", id.get());
        return answer.with("error", error);
    }

    private JsonValue result(JsonObject message) throws RefusedCommandException, ControlException {
        String verb = verb(message);
        String name = message.text(verb)
                .orElseThrow(() -> new RefusedCommandException("QMP input member '" + verb + "' must be a string"));
        JsonObject arguments = message.object("arguments").orElse(JsonObject.empty());
        if (name.equals(NEGOTIATE)) {
            return negotiate(new Arguments(arguments));
        }
        if (!negotiated) {
            throw new RefusedCommandException(
                    ErrorClass.COMMAND_NOT_FOUND, "Expecting capabilities negotiation with '" + NEGOTIATE + "'");
        }
        if (name.equals(LIST)) {
            return list(new Arguments(arguments));
        }
        QmpCommand command = commands.find(name)
                .orElseThrow(() -> new RefusedCommandException(
                        ErrorClass.COMMAND_NOT_FOUND, "The command " + name + " has not been found"));
        if (verb.equals("exec-oob") && !command.outOfBand()) {
            throw new RefusedCommandException("The command " + name + " does not support OOB");
        }
        return command.body().execute(new Arguments(arguments));
    }

    /** {@return the member that names the command} All members are checked. */
    private String verb(JsonObject message) throws RefusedCommandException {
        String verb = "";
        for (String member : message.members().keySet()) {
            boolean isVerb = member.equals("execute") || (member.equals("exec-oob") && outOfBand);
            if (isVerb && !verb.isEmpty()) {
                throw new RefusedCommandException("QMP input member '%s' clashes with '%s'".formatted(verb, member));
            }
            if (isVerb) {
                verb = member;
                if (message.text(member).isEmpty()) {
                    throw new RefusedCommandException("QMP input member '" + member + "' must be a string");
                }
            } else if (member.equals("arguments")) {
                if (message.object(member).isEmpty()) {
                    throw new RefusedCommandException("QMP input member 'arguments' must be an object");
                }
            } else if (!member.equals("id")) {
                throw new RefusedCommandException("QMP input member '" + member + "' is unexpected");
            }
        }
        if (verb.isEmpty()) {
            throw new RefusedCommandException("QMP input lacks member 'execute'");
        }
        return verb;
    }

    private JsonValue negotiate(Arguments arguments) throws RefusedCommandException {
        if (negotiated) {
            throw new RefusedCommandException(
                    ErrorClass.COMMAND_NOT_FOUND, "Capabilities negotiation is already complete, command ignored");
        }
        List<String> enable = arguments.value("enable").isEmpty() ? List.of() : arguments.texts("enable");
        arguments.end();
        for (String capability : enable) {
            if (!capability.equals(ServedVersion.OUT_OF_BAND)) {
                throw new RefusedCommandException("Parameter 'null' does not accept value '" + capability + "'");
            }
        }
        outOfBand = !enable.isEmpty();
        negotiated = true;
        return JsonObject.empty();
    }

    private JsonValue list(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        List<String> own = List.of(NEGOTIATE, LIST);
        return new JsonArray(Stream.concat(own.stream(), commands.names().stream())
                .<JsonValue>map(name -> JsonObject.of("name", name))
                .toList());
    }
}
