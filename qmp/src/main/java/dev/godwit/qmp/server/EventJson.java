package dev.godwit.qmp.server;

import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.qmp.JsonObject;
import java.time.Instant;

/** Events as QMP carries them. */
final class EventJson {

    private EventJson() {}

    /**
     * {@return the message}
     *
     * @param at when it happened
     */
    static JsonObject of(MachineEvent event, Instant at) {
        JsonObject timestamp =
                JsonObject.empty().with("seconds", at.getEpochSecond()).with("microseconds", at.getNano() / 1000);
        return switch (event) {
            case MachineEvent.StatusChanged(var status) ->
                event(timestamp, "MIGRATION", JsonObject.of("status", status.word()));
            case MachineEvent.Pass(long pass) ->
                event(timestamp, "MIGRATION_PASS", JsonObject.empty().with("pass", pass));
            case MachineEvent.Stopped _ -> event(timestamp, "STOP", JsonObject.empty());
            case MachineEvent.Resumed _ -> event(timestamp, "RESUME", JsonObject.empty());
            case MachineEvent.ShutDown(boolean guest, String reason) ->
                event(
                        timestamp,
                        "SHUTDOWN",
                        JsonObject.empty().with("guest", guest).with("reason", reason));
        };
    }

    private static JsonObject event(JsonObject timestamp, String name, JsonObject data) {
        JsonObject message = JsonObject.empty().with("timestamp", timestamp).with("event", name);
        return data.members().isEmpty() ? message : message.with("data", data);
    }
}
