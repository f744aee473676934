package dev.godwit.operations.machine;

import dev.godwit.engine.machine.Machine;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.server.Arguments;
import dev.godwit.qmp.server.QmpCommand;
import dev.godwit.qmp.server.RefusedCommandException;
import java.util.ArrayList;
import java.util.List;

/** {@code query-cpus-fast}: the vCPUs and the threads that run them, by which users bind them to processors. */
final class CpuCommands {

    private final Machine machine;

    CpuCommands(Machine machine) {
        this.machine = machine;
    }

    List<QmpCommand> all() {
        return List.of(QmpCommand.answering("query-cpus-fast", this::cpus));
    }

    private JsonValue cpus(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        List<JsonValue> cpus = new ArrayList<>();
        for (int threadId : machine.vcpuThreadIds()) {
            int index = cpus.size();
            cpus.add(JsonObject.empty()
                    .with("cpu-index", index)
                    .with("qom-path", "/machine/vcpu[" + index + "]")
                    .with("thread-id", threadId)
                    .with("target", "x86_64"));
        }
        return new JsonArray(cpus);
    }
}
