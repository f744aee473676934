package dev.godwit.qmp;

/**
 * A JSON string.
 *
 * @param text its characters, without quotes and escapes
 */
public record JsonString(String text) implements JsonValue {

    @Override
    public String toString() {
        return JsonWriter.write(this);
    }
}
