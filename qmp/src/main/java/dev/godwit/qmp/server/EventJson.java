package dev.godwit.qmp.server;

import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.qmp.JsonObject;
import java.time.Instant;

/** Events as QMP carries them. */
final class EventJson {

    private EventJson() {}

    static JsonObject of(MachineEvent event) {
        return switch (event) {
            case MachineEvent.StatusChanged(var status) -> event("MIGRATION", JsonObject.of("status", status.word()));
            case MachineEvent.Pass(long pass) ->
                event("MIGRATION_PASS", JsonObject.empty().with("pass", pass));
            case MachineEvent.Stopped _ -> event("STOP", JsonObject.empty());
            case MachineEvent.Resumed _ -> event("RESUME", JsonObject.empty());
            case MachineEvent.ShutDown(boolean guest, String reason) ->
                event("SHUTDOWN", JsonObject.empty().with("guest", guest).with("reason", reason));
        };
    }

    private static JsonObject event(String name, JsonObject data) {
        Instant now = Instant.now();
        JsonObject timestamp =
                JsonObject.empty().with("seconds", now.getEpochSecond()).with("microseconds", now.getNano() / 1000);
        JsonObject message = JsonObject.empty().with("timestamp", timestamp).with("event", name);
        return data.members().isEmpty() ? message : message.with("data", data);
    }
}
