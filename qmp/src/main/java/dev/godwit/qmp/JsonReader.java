package dev.godwit.qmp;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;

/** Reads JSON values within limits. The text's own length is bounded by whoever read it from the outside. */
final class JsonReader {

    static final int MAX_NESTING = 64;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_NESTING)
                    .maxNumberLength(64)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final JsonFactory EITHER_QUOTES =
            JSON.rebuild().enable(JsonReadFeature.ALLOW_SINGLE_QUOTES).build();

    private JsonReader() {}

    static JsonValue read(String text) throws MalformedJsonException {
        return read(JSON, text);
    }

    static JsonValue readLeniently(String text) throws MalformedJsonException {
        return read(EITHER_QUOTES, text);
    }

    private static JsonValue read(JsonFactory json, String text) throws MalformedJsonException {
        try (JsonParser parser = json.createParser(ObjectReadContext.empty(), text)) {
            parser.nextToken();
            JsonValue value = value(parser);
            if (parser.nextToken() != null) {
                throw new MalformedJsonException(
                        "more text after the JSON value, at column " + columnOf(parser.currentTokenLocation()));
            }
            return value;
        } catch (JacksonException e) {
            throw new MalformedJsonException(
                    "not JSON: " + firstLineOf(e.getOriginalMessage()) + ", at column " + columnOf(e.getLocation()));
        }
    }

    private static JsonValue value(JsonParser parser) throws MalformedJsonException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new MalformedJsonException("no JSON value, only the end of the text");
        }
        return switch (token) {
            case START_OBJECT -> object(parser);
            case START_ARRAY -> array(parser);
            case VALUE_STRING -> new JsonString(parser.getString());
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new JsonNumber(parser.getString());
            case VALUE_TRUE -> JsonBoolean.of(true);
            case VALUE_FALSE -> JsonBoolean.of(false);
            case VALUE_NULL -> JsonNull.NULL;
            case END_OBJECT, END_ARRAY, PROPERTY_NAME, NOT_AVAILABLE, VALUE_EMBEDDED_OBJECT ->
                throw new MalformedJsonException("no JSON value but " + token);
        };
    }

    private static JsonObject object(JsonParser parser) throws MalformedJsonException {
        Map<String, JsonValue> members = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            members.put(name, value(parser));
        }
        return new JsonObject(members);
    }

    private static JsonArray array(JsonParser parser) throws MalformedJsonException {
        List<JsonValue> elements = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            elements.add(value(parser));
        }
        return new JsonArray(elements);
    }

    private static String columnOf(tools.jackson.core.TokenStreamLocation location) {
        return location == null ? "?" : Integer.toString(location.getColumnNr());
    }

    private static String firstLineOf(String message) {
        return message.lines().findFirst().orElse("malformed");
    }
}
