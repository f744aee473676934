package dev.godwit.qmp;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The commands of QMP that a migration needs, typed.
 *
 * @param client the connection; it is not closed here
 */
public record QemuMonitor(QmpClient client) {

    /** {@return QEMU's release, such as 10.0.2} */
    public String version() {
        JsonObject qemu = client.greeting()
                .object("version")
                .flatMap(version -> version.object("qemu"))
                .orElse(JsonObject.empty());
        return "%s.%s.%s".formatted(part(qemu, "major"), part(qemu, "minor"), part(qemu, "micro"));
    }

    private static String part(JsonObject version, String name) {
        return version.get(name).map(JsonValue::toString).orElse("?");
    }

    /** {@return whether the guest runs} */
    public RunState queryStatus() throws IOException {
        JsonObject answer = client.execute("query-status");
        return new RunState(
                answer.truth("running").orElse(false), answer.text("status").orElse("unknown"));
    }

    /** {@return how the migration stands} */
    public MigrationStatus queryMigrate() throws IOException {
        return MigrationStatus.of(client.execute("query-migrate"));
    }

    /**
     * Starts migrating to an address, in QEMU's notation; returns when it is under way. A migration that failed a
     * moment ago is first waited out: QEMU says {@code failed} before its threads have ended, and a {@code migrate}
     * that comes between, in 7.2 as in 10.0, meets what they left ({@code duplicate yank instance}), upon which the
     * threads that end find a migration that has just begun, and QEMU dies of a segmentation fault, with its guest.
     * That an outgoing migration has been tidied up is shown by {@code query-yank}, which lists it no more.
     *
     * @throws IOException if QEMU refuses it, or takes longer than {@link QmpClient#DEFAULT_TIMEOUT} to tidy up
     */
    public void migrate(String uri) throws IOException {
        migrate(uri, QmpClient.DEFAULT_TIMEOUT);
    }

    /**
     * As {@link #migrate(String)}, with a time of its own for the answer.
     *
     * @param timeout how long QEMU may take to answer: it connects to the destination before it does
     */
    public void migrate(String uri, Duration timeout) throws IOException {
        awaitTidiedUp();
        client.execute("migrate", JsonObject.of("uri", uri), timeout);
    }

    private void awaitTidiedUp() throws IOException {
        long deadlineNs = System.nanoTime() + QmpClient.DEFAULT_TIMEOUT.toNanos();
        while (isMigrationYankable() && queryMigrate().isOver()) {
            if (System.nanoTime() > deadlineNs) {
                throw new IOException(
                        "QEMU has not tidied up after its last migration within %d s, and another would endanger its guest"
                                .formatted(QmpClient.DEFAULT_TIMEOUT.toSeconds()));
            }
            pause("QEMU had tidied up after an earlier migration");
        }
    }

    /** Whether QEMU has a migration whose connections could be cut; no machine but QEMU's knows the command. */
    private boolean isMigrationYankable() throws IOException {
        try {
            return client.execute("query-yank").array("value").orElse(List.of()).stream()
                    .anyMatch(instance -> instance instanceof JsonObject object
                            && object.text("type").equals(Optional.of("migration")));
        } catch (QmpException e) {
            if (e.errorClass().equals("CommandNotFound")) {
                return false;
            }
            throw e;
        }
    }

    private static void pause(String before) throws InterruptedIOException {
        try {
            Thread.sleep(2); // there is no event to await for it
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted before " + before);
        }
    }

    /** Tells a QEMU started with {@code -incoming defer} where its migration comes from, in QEMU's notation. */
    public void migrateIncoming(String uri) throws IOException {
        client.execute("migrate-incoming", JsonObject.of("uri", uri));
    }

    /** Cancels the migration under way; without one, does nothing. */
    public void migrateCancel() throws IOException {
        client.execute("migrate_cancel");
    }

    /** Stops the guest. */
    public void stop() throws IOException {
        client.execute("stop");
    }

    /**
     * Lets the guest run. QEMU refuses that for the moment between the end of an outgoing migration and its own tidying
     * up, in which its run state is {@code finish-migrate}; that moment is waited out.
     *
     * @throws IOException if QEMU refuses it otherwise, or the moment takes longer than
     *     {@link QmpClient#DEFAULT_TIMEOUT}
     */
    public void cont() throws IOException {
        long deadlineNs = System.nanoTime() + QmpClient.DEFAULT_TIMEOUT.toNanos();
        while (true) {
            try {
                client.execute("cont");
                return;
            } catch (QmpException e) {
                if (!e.text().contains("not finalized") || System.nanoTime() > deadlineNs) {
                    throw e;
                }
            }
            pause("QEMU let the guest run");
        }
    }

    /** {@return every migration capability of this QEMU, and whether it is set} */
    public Map<String, Boolean> migrationCapabilities() throws IOException {
        Map<String, Boolean> capabilities = new LinkedHashMap<>();
        JsonObject answer = client.execute("query-migrate-capabilities");
        for (JsonValue element : answer.array("value").orElse(List.of())) {
            if (element instanceof JsonObject capability) {
                capability
                        .text("capability")
                        .ifPresent(name ->
                                capabilities.put(name, capability.truth("state").orElse(false)));
            }
        }
        return capabilities;
    }

    /**
     * Sets migration capabilities, all in one command. Like {@link #migrate(String)}, it first waits until QEMU has
     * tidied up after a migration that is over, which it does by the capabilities it finds then.
     *
     * @throws QmpException if QEMU does not know one, or they do not go together; none is changed then
     */
    public void setMigrationCapabilities(Map<String, Boolean> capabilities) throws IOException {
        awaitTidiedUp();
        List<JsonValue> list = capabilities.entrySet().stream()
                .<JsonValue>map(
                        entry -> JsonObject.of("capability", entry.getKey()).with("state", entry.getValue()))
                .toList();
        client.execute("migrate-set-capabilities", JsonObject.empty().with("capabilities", new JsonArray(list)));
    }

    /** Sets the capabilities back that are not as they were, and leaves the others alone. */
    public void restoreMigrationCapabilities(Map<String, Boolean> earlier) throws IOException {
        Map<String, Boolean> now = migrationCapabilities();
        Map<String, Boolean> changed = new LinkedHashMap<>(earlier);
        changed.entrySet().removeIf(entry -> entry.getValue().equals(now.get(entry.getKey())));
        if (!changed.isEmpty()) {
            setMigrationCapabilities(changed);
        }
    }

    /** {@return every migration parameter of this QEMU} */
    public JsonObject migrationParameters() throws IOException {
        return client.execute("query-migrate-parameters");
    }

    /**
     * Sets migration parameters, all in one command.
     *
     * @throws QmpException if QEMU does not know one or refuses its value; none is changed then
     */
    public void setMigrationParameters(JsonObject parameters) throws IOException {
        client.execute("migrate-set-parameters", parameters);
    }

    /** Sets the parameters back that are not as they were, and leaves the others alone. */
    public void restoreMigrationParameters(JsonObject earlier) throws IOException {
        JsonObject now = migrationParameters();
        Map<String, JsonValue> changed = new LinkedHashMap<>(earlier.members());
        changed.entrySet().removeIf(entry -> now.get(entry.getKey()).equals(Optional.of(entry.getValue())));
        if (!changed.isEmpty()) {
            setMigrationParameters(new JsonObject(changed));
        }
    }
}
