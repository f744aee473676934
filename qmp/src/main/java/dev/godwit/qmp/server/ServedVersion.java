package dev.godwit.qmp.server;

import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import java.util.List;

/** What a server says of itself. The release of QEMU is that whose commands it has; the package says who it is. */
final class ServedVersion {

    static final String OUT_OF_BAND = "oob";

    private ServedVersion() {}

    static JsonObject of(String release) {
        JsonObject qemu = JsonObject.empty().with("micro", 0).with("minor", 0).with("major", 10);
        return JsonObject.empty().with("qemu", qemu).with("package", release);
    }

    static JsonObject greeting(JsonObject version) {
        JsonObject qmp = JsonObject.empty()
                .with("version", version)
                .with("capabilities", new JsonArray(List.of(new JsonString(OUT_OF_BAND))));
        return JsonObject.empty().with("QMP", qmp);
    }
}
