package dev.godwit.qmp;

import java.util.List;

/**
 * A JSON array.
 *
 * @param elements its values in order
 */
public record JsonArray(List<JsonValue> elements) implements JsonValue {

    /** Copies the elements. */
    public JsonArray {
        elements = List.copyOf(elements);
    }

    @Override
    public String toString() {
        return JsonWriter.write(this);
    }
}
