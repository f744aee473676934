package dev.godwit.operations;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QemuMonitor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The migration capabilities and parameters of a QEMU as they were found, to be put back. Every capability that QEMU
 * has is either asked for or switched off for the time between, so that nothing set by somebody else changes the
 * stream.
 */
public final class QemuSettings {

    private final QemuMonitor qemu;
    private final Map<String, Boolean> capabilities;
    private final JsonObject parameters;

    /**
     * Notes what is set.
     *
     * @throws IOException if it cannot be asked
     */
    public QemuSettings(QemuMonitor qemu) throws IOException {
        this.qemu = qemu;
        this.capabilities = qemu.migrationCapabilities();
        this.parameters = qemu.migrationParameters();
    }

    /** Settings that were found earlier. */
    QemuSettings(QemuMonitor qemu, Map<String, Boolean> capabilities, JsonObject parameters) {
        this.qemu = qemu;
        this.capabilities = capabilities;
        this.parameters = parameters;
    }

    Map<String, Boolean> capabilities() {
        return capabilities;
    }

    JsonObject parameters() {
        return parameters;
    }

    /**
     * Switches the given capabilities on and all others off.
     *
     * @throws IOException if QEMU refuses; nothing is changed then
     */
    public void onlyCapabilities(Set<String> on) throws IOException {
        for (String name : on) {
            if (!capabilities.containsKey(name)) {
                throw new IOException("this QEMU has no migration capability '" + name + "'");
            }
        }
        Map<String, Boolean> wanted = new LinkedHashMap<>();
        capabilities.forEach((name, _) -> wanted.put(name, on.contains(name)));
        qemu.restoreMigrationCapabilities(wanted);
    }

    /** Sets a parameter that this QEMU has; one that it does not have is left alone. */
    public void parameter(String name, JsonValue value) throws IOException {
        if (parameters.get(name).filter(found -> !found.equals(value)).isPresent()) {
            qemu.setMigrationParameters(JsonObject.empty().with(name, value));
        }
    }

    /**
     * Puts everything back as it was found.
     *
     * @throws IOException if QEMU refuses something or has gone; the rest is put back nevertheless
     */
    public void putBack() throws IOException {
        try {
            qemu.restoreMigrationParameters(parameters);
        } finally {
            qemu.restoreMigrationCapabilities(capabilities);
        }
    }
}
