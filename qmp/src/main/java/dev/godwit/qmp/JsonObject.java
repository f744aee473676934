package dev.godwit.qmp;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A JSON object; its members keep the order in which they came.
 *
 * @param members the values by name
 */
public record JsonObject(Map<String, JsonValue> members) implements JsonValue {

    private static final JsonObject EMPTY = new JsonObject(Map.of());

    /** Copies the members. */
    public JsonObject {
        members = Collections.unmodifiableMap(new LinkedHashMap<>(members));
    }

    /** {@return the object without members} */
    public static JsonObject empty() {
        return EMPTY;
    }

    /**
     * {@return the object that a text is}
     *
     * @throws MalformedJsonException if it is none
     */
    public static JsonObject parse(String text) throws MalformedJsonException {
        if (JsonReader.read(text) instanceof JsonObject object) {
            return object;
        }
        throw new MalformedJsonException("a JSON text that is no object");
    }

    /** {@return an object with one member, a string} */
    public static JsonObject of(String name, String text) {
        return EMPTY.with(name, text);
    }

    /** {@return this object with a member added, or replaced in its place} */
    public JsonObject with(String name, JsonValue value) {
        Map<String, JsonValue> all = new LinkedHashMap<>(members);
        all.put(name, value);
        return new JsonObject(all);
    }

    /** {@return this object with a string added or replaced} */
    public JsonObject with(String name, String text) {
        return with(name, new JsonString(text));
    }

    /** {@return this object with a number added or replaced} */
    public JsonObject with(String name, long number) {
        return with(name, JsonNumber.of(number));
    }

    /** {@return this object with a boolean added or replaced} */
    public JsonObject with(String name, boolean truth) {
        return with(name, JsonBoolean.of(truth));
    }

    /** {@return the member of that name, if there is one} */
    public Optional<JsonValue> get(String name) {
        return Optional.ofNullable(members.get(name));
    }

    /** {@return the string of that name, if there is a member and it is a string} */
    public Optional<String> text(String name) {
        return members.get(name) instanceof JsonString(String text) ? Optional.of(text) : Optional.empty();
    }

    /** {@return the number of that name, if there is a member and it is a whole number that fits a long} */
    public OptionalLong wholeNumber(String name) {
        return members.get(name) instanceof JsonNumber number ? number.wholeNumber() : OptionalLong.empty();
    }

    /** {@return the boolean of that name, if there is a member and it is a boolean} */
    public Optional<Boolean> truth(String name) {
        return members.get(name) instanceof JsonBoolean(boolean truth) ? Optional.of(truth) : Optional.empty();
    }

    /** {@return the object of that name, if there is a member and it is an object} */
    public Optional<JsonObject> object(String name) {
        return members.get(name) instanceof JsonObject object ? Optional.of(object) : Optional.empty();
    }

    /** {@return the elements of the array of that name, if there is a member and it is an array} */
    public Optional<List<JsonValue>> array(String name) {
        return members.get(name) instanceof JsonArray(List<JsonValue> elements)
                ? Optional.of(elements)
                : Optional.empty();
    }

    @Override
    public String toString() {
        return JsonWriter.write(this);
    }
}
