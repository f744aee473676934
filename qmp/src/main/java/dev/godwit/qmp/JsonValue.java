package dev.godwit.qmp;

/**
 * A JSON value as QMP carries it: immutable, and complete, so that what QEMU sends can be sent back unchanged. Its
 * {@code toString} is the value as compact JSON on one line.
 */
public sealed interface JsonValue permits JsonObject, JsonArray, JsonString, JsonNumber, JsonBoolean, JsonNull {

    /**
     * Reads one JSON value that fills the whole text.
     *
     * @throws MalformedJsonException if the text is no JSON, has a member twice in one object, nests deeper than
     *     {@value JsonReader#MAX_NESTING} levels, or goes on after the value
     */
    static JsonValue parse(String text) throws MalformedJsonException {
        return JsonReader.read(text);
    }

    /**
     * Reads one JSON value as QEMU reads its clients' words: strings may have single quotes too.
     *
     * @throws MalformedJsonException as {@link #parse} does
     */
    static JsonValue parseLeniently(String text) throws MalformedJsonException {
        return JsonReader.readLeniently(text);
    }
}
