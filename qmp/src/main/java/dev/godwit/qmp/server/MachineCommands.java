package dev.godwit.qmp.server;

import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MachineIdentity;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import java.util.List;
import java.util.UUID;

/** The commands that tell what the machine is, start and stop it. */
final class MachineCommands {

    private final MachineControl control;
    private final PatientStop stop;
    private final JsonObject version;

    MachineCommands(MachineControl control, PatientStop stop, JsonObject version) {
        this.control = control;
        this.stop = stop;
        this.version = version;
    }

    List<QmpCommand> all() {
        return List.of(
                QmpCommand.answering("query-version", arguments -> {
                    arguments.end();
                    return version;
                }),
                QmpCommand.answering("query-status", this::status),
                QmpCommand.answering("query-name", this::name),
                QmpCommand.answering("query-uuid", this::uuid),
                QmpCommand.doing("stop", arguments -> {
                    arguments.end();
                    stop.stop();
                }),
                QmpCommand.doing("cont", arguments -> {
                    arguments.end();
                    control.cont();
                }),
                QmpCommand.doing("quit", arguments -> {
                    arguments.end();
                    control.quit();
                }));
    }

    private JsonValue status(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        RunStatus status = control.runStatus();
        return JsonObject.of("status", status.word()).with("running", status == RunStatus.RUNNING);
    }

    private JsonValue name(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        MachineIdentity identity = control.identity();
        return identity.name().map(name -> JsonObject.of("name", name)).orElse(JsonObject.empty());
    }

    /** A guest without an identity has the zero one, as in QEMU. */
    private JsonValue uuid(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        return JsonObject.of(
                "UUID", control.identity().uuid().orElse(new UUID(0, 0)).toString());
    }
}
