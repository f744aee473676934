package dev.godwit.qmp.server;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineControl;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.qmp.JsonBoolean;
import dev.godwit.qmp.JsonNull;
import dev.godwit.qmp.JsonNumber;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.JsonValue;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** {@code migrate-set-parameters} and {@code query-migrate-parameters}. */
final class ParametersJson {

    /** QEMU's only mode in which a migration moves a guest. */
    private static final String MODE = "mode";

    /** Parameters of QEMU that have nothing here that they could change. */
    private static final Set<String> NOT_SUPPORTED = Set.of(
            "announce-initial",
            "announce-max",
            "announce-rounds",
            "announce-step",
            "block-bitmap-mapping",
            "multifd-qatzip-level",
            "vcpu-dirty-limit",
            "x-checkpoint-delay",
            "x-vcpu-dirty-limit-period");

    private final MachineControl control;

    ParametersJson(MachineControl control) {
        this.control = control;
    }

    void set(Arguments arguments) throws RefusedCommandException, ControlException {
        Map<MigrationParameter, Object> changes = new EnumMap<>(MigrationParameter.class);
        for (MigrationParameter parameter : MigrationParameter.values()) {
            Optional<JsonValue> value = arguments.value(parameter.word());
            if (value.isPresent()) {
                changes.put(parameter, read(arguments, parameter, value.get()));
            }
        }
        String mode = arguments
                .optionalWord(MODE, List.of("normal", "cpr-reboot", "cpr-transfer"))
                .orElse("normal");
        if (!mode.equals("normal")) {
            throw new RefusedCommandException("the mode '" + mode + "' is not supported, only 'normal' is");
        }
        for (String name : arguments.names()) {
            if (NOT_SUPPORTED.contains(name)) {
                throw new RefusedCommandException("the parameter '" + name + "' is not supported");
            }
        }
        arguments.end();
        control.setParameters(changes);
    }

    private static Object read(Arguments arguments, MigrationParameter parameter, JsonValue value)
            throws RefusedCommandException {
        String name = parameter.word();
        return switch (parameter.kind()) {
            case MigrationParameter.Kind.Whole(Long _, long _, long most) -> {
                if (value instanceof JsonNumber number && number.wholeNumber().isPresent()) {
                    yield number.wholeNumber().getAsLong();
                }
                throw new RefusedCommandException(
                        "Parameter '" + name + "' expects " + (most < 256 ? "uint8_t" : "uint64"));
            }
            case MigrationParameter.Kind.Truth _ -> {
                if (value instanceof JsonBoolean(boolean truth)) {
                    yield truth;
                }
                throw arguments.wrongType(name, "boolean");
            }
            case MigrationParameter.Kind.Word(String _, var words) -> {
                if (!(value instanceof JsonString(String word))) {
                    throw arguments.wrongType(name, "string");
                }
                if (!words.contains(word)) {
                    throw new RefusedCommandException("Parameter '" + name + "' does not accept value '" + word + "'");
                }
                yield word;
            }
            case MigrationParameter.Kind.Text _ -> {
                if (value instanceof JsonString(String text)) {
                    yield text;
                }
                if (value == JsonNull.NULL && name.startsWith("tls-")) {
                    yield "";
                }
                throw arguments.wrongType(name, name.startsWith("tls-") ? "StrOrNull" : "string");
            }
        };
    }

    JsonValue query(Arguments arguments) throws RefusedCommandException {
        arguments.end();
        MigrationParameters parameters = control.parameters();
        JsonObject answer = JsonObject.of(MODE, "normal");
        for (MigrationParameter parameter : MigrationParameter.values()) {
            answer = switch (parameter.kind()) {
                case MigrationParameter.Kind.Whole _ -> answer.with(parameter.word(), parameters.number(parameter));
                case MigrationParameter.Kind.Truth _ -> answer.with(parameter.word(), parameters.truth(parameter));
                case MigrationParameter.Kind.Word _, MigrationParameter.Kind.Text _ ->
                    answer.with(parameter.word(), parameters.text(parameter));
            };
        }
        return answer;
    }
}
