package dev.godwit.qmp;

import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * A JSON number, kept as it was written so that nothing of it is lost.
 *
 * @param literal its digits, as JSON writes numbers
 */
public record JsonNumber(String literal) implements JsonValue {

    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?");

    /** Checks the literal. */
    public JsonNumber {
        if (!NUMBER.matcher(literal).matches()) {
            throw new IllegalArgumentException("no JSON number: " + literal);
        }
    }

    /** {@return the number} */
    public static JsonNumber of(long number) {
        return new JsonNumber(Long.toString(number));
    }

    /** {@return the number, if it is written as a whole one and fits a long} */
    public OptionalLong wholeNumber() {
        try {
            return OptionalLong.of(Long.parseLong(literal));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    @Override
    public String toString() {
        return literal;
    }
}
