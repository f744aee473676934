package dev.godwit.engine.migration;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** Values for all {@link MigrationParameter}s. Immutable. */
public final class MigrationParameters {

    /** Every parameter at its default. */
    public static final MigrationParameters DEFAULTS = defaults();

    private final EnumMap<MigrationParameter, Object> values;

    private MigrationParameters(EnumMap<MigrationParameter, Object> values) {
        this.values = values;
    }

    private static MigrationParameters defaults() {
        EnumMap<MigrationParameter, Object> values = new EnumMap<>(MigrationParameter.class);
        for (MigrationParameter parameter : MigrationParameter.values()) {
            values.put(parameter, parameter.kind().byDefault());
        }
        return new MigrationParameters(values);
    }

    /**
     * {@return these values with some of them changed}
     *
     * @param changes a {@link Long}, {@link Boolean} or {@link String} each, as the parameter's kind says
     * @throws ControlException if a value is not one that its parameter can have, in QEMU's manner
     */
    public MigrationParameters with(Map<MigrationParameter, Object> changes) throws ControlException {
        EnumMap<MigrationParameter, Object> changed = new EnumMap<>(values);
        for (Map.Entry<MigrationParameter, Object> change : changes.entrySet()) {
            check(change.getKey(), change.getValue());
            changed.put(change.getKey(), change.getValue());
        }
        MigrationParameters result = new MigrationParameters(changed);
        result.checkTogether();
        return result;
    }

    private static void check(MigrationParameter parameter, Object value) throws ControlException {
        switch (parameter.kind()) {
            case MigrationParameter.Kind.Whole(Long _, long least, long most) -> {
                if (!(value instanceof Long number) || number < least || number > most) {
                    throw bad(parameter, range(parameter, least, most));
                }
            }
            case MigrationParameter.Kind.Truth _ -> {
                if (!(value instanceof Boolean)) {
                    throw bad(parameter, "true or false");
                }
            }
            case MigrationParameter.Kind.Word(String _, var words) -> {
                if (!(value instanceof String word) || !words.contains(word)) {
                    throw bad(parameter, "one of " + words);
                }
            }
            case MigrationParameter.Kind.Text _ -> {
                if (!(value instanceof String)) {
                    throw bad(parameter, "text");
                }
            }
        }
    }

    /** QEMU's words, which are not of one piece. */
    private static String range(MigrationParameter parameter, long least, long most) {
        if (parameter == MigrationParameter.DOWNTIME_LIMIT) {
            return "an integer in the range of 0 to (2000 * 1000) ms";
        }
        return (parameter.word().startsWith("multifd-")
                        ? "a value between %d and %d"
                        : "an integer in the range of %d to %d")
                .formatted(least, most);
    }

    private void checkTogether() throws ControlException {
        long cacheBytes = number(MigrationParameter.XBZRLE_CACHE_SIZE);
        if (Long.bitCount(cacheBytes) != 1) {
            throw bad(MigrationParameter.XBZRLE_CACHE_SIZE, "a power of two no less than the target page size");
        }
        if (number(MigrationParameter.MAX_CPU_THROTTLE) < number(MigrationParameter.CPU_THROTTLE_INITIAL)) {
            throw bad(MigrationParameter.MAX_CPU_THROTTLE, "an integer in the range of cpu_throttle_initial to 99");
        }
    }

    /** QEMU names parameters with underscores here. */
    private static ControlException bad(MigrationParameter parameter, String expected) {
        return new ControlException(
                "Parameter '%s' expects %s".formatted(parameter.word().replace('-', '_'), expected));
    }

    /** {@return the value of a parameter} */
    public Object value(MigrationParameter parameter) {
        return Objects.requireNonNull(values.get(parameter)); // every parameter has a value
    }

    /** {@return the value of a parameter that is a number} */
    public long number(MigrationParameter parameter) {
        return (Long) value(parameter);
    }

    /** {@return the value of a parameter that is true or false} */
    public boolean truth(MigrationParameter parameter) {
        return (Boolean) value(parameter);
    }

    /** {@return the value of a parameter that is a word or a text} */
    public String text(MigrationParameter parameter) {
        return (String) value(parameter);
    }
}
