package dev.godwit.qmp;

/**
 * A JSON boolean.
 *
 * @param truth its value
 */
public record JsonBoolean(boolean truth) implements JsonValue {

    private static final JsonBoolean TRUE = new JsonBoolean(true);
    private static final JsonBoolean FALSE = new JsonBoolean(false);

    /** {@return the boolean} */
    public static JsonBoolean of(boolean truth) {
        return truth ? TRUE : FALSE;
    }

    @Override
    public String toString() {
        return Boolean.toString(truth);
    }
}
