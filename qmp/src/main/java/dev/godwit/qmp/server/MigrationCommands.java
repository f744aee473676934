package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The commands of migration (qemu-migration specification section 7.5). */
final class MigrationCommands {

    private static final List<String> CAPABILITIES = Stream.of(MigrationCapability.values())
            .map(MigrationCapability::word)
            .toList();

    /** QEMU's states, which have some that Godwit is never in. */
    private static final List<String> STATES = Stream.concat(
                    Stream.of(MigrationStatus.values()).map(MigrationStatus::word), Stream.of("colo", "wait-unplug"))
            .toList();

    private final MachineControl control;
    private final ParametersJson parameters;

    MigrationCommands(MachineControl control) {
        this.control = control;
        this.parameters = new ParametersJson(control);
    }

    List<QmpCommand> all() {
        return List.of(
                QmpCommand.doing("migrate", this::migrate),
                QmpCommand.doing("migrate-incoming", this::incoming),
                QmpCommand.doing("migrate_cancel", arguments -> {
                    arguments.end();
                    control.migrateCancel();
                }),
                QmpCommand.doing("migrate-continue", this::goOn),
                QmpCommand.doing("migrate-start-postcopy", arguments -> {
                    arguments.end();
                    control.migrateStartPostcopy();
                }),
                QmpCommand.doing("migrate-pause", arguments -> {
                            arguments.end();
                            control.migratePause();
                        })
                        .alsoOutOfBand(),
                QmpCommand.doing("migrate-recover", arguments -> {
                            String uri = arguments.text("uri");
                            arguments.end();
                            control.migrateRecover(uri);
                        })
                        .alsoOutOfBand(),
                QmpCommand.doing("migrate-set-capabilities", this::setCapabilities),
                QmpCommand.answering("query-migrate-capabilities", this::capabilities),
                QmpCommand.doing("migrate-set-parameters", parameters::set),
                QmpCommand.answering("query-migrate-parameters", parameters::query),
                QmpCommand.answering("query-migrate", arguments -> {
                    arguments.end();
                    return ReportJson.of(control.migration());
                }));
    }

    private void migrate(Arguments arguments) throws RefusedCommandException, ControlException {
        MigrationAddress address = MigrationAddress.of(arguments);
        arguments.optionalTruth("detach"); // QEMU's own too does nothing with it
        boolean resume = arguments.optionalTruth("resume").orElse(false);
        arguments.end();
        control.migrate(address.uri(), resume);
    }

    private void incoming(Arguments arguments) throws RefusedCommandException, ControlException {
        MigrationAddress address = MigrationAddress.of(arguments);
        boolean exitOnError = arguments.optionalTruth("exit-on-error").orElse(true);
        arguments.end();
        control.migrateIncoming(address.uri(), exitOnError);
    }

    private void goOn(Arguments arguments) throws RefusedCommandException, ControlException {
        String state = arguments.word("state", STATES);
        arguments.end();
        for (MigrationStatus status : MigrationStatus.values()) {
            if (status.word().equals(state)) {
                control.migrateContinue(status);
                return;
            }
        }
        throw new RefusedCommandException("Migration not in expected state: "
                + control.migration().status().word());
    }

    private void setCapabilities(Arguments arguments) throws RefusedCommandException, ControlException {
        Map<MigrationCapability, Boolean> changes = new EnumMap<>(MigrationCapability.class);
        List<Arguments> elements = arguments.objects("capabilities");
        for (Arguments element : elements) {
            String word = element.word("capability", CAPABILITIES);
            boolean state = element.truth("state");
            element.end();
            changes.put(MigrationCapability.of(word).orElseThrow(), state);
        }
        arguments.end();
        control.setCapabilities(changes);
    }

    private JsonValue capabilities(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        List<JsonValue> list = new ArrayList<>();
        control.capabilities()
                .forEach((capability, state) ->
                        list.add(JsonObject.empty().with("state", state).with("capability", capability.word())));
        return new JsonArray(list);
    }
}
