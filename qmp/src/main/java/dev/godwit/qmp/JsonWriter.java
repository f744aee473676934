package dev.godwit.qmp;

import java.util.HexFormat;
import java.util.Map;

/** Writes JSON values as compact text on one line, in ASCII but for what a string holds. */
final class JsonWriter {

    private JsonWriter() {}

    static String write(JsonValue value) {
        StringBuilder text = new StringBuilder();
        write(value, text);
        return text.toString();
    }

    private static void write(JsonValue value, StringBuilder text) {
        switch (value) {
            case JsonObject object -> writeObject(object, text);
            case JsonArray array -> {
                String separator = "";
                text.append('[');
                for (JsonValue element : array.elements()) {
                    text.append(separator);
                    write(element, text);
                    separator = ",";
                }
                text.append(']');
            }
            case JsonString string -> writeString(string.text(), text);
            case JsonNumber number -> text.append(number.literal());
            case JsonBoolean bool -> text.append(bool.truth());
            case JsonNull _ -> text.append("null");
        }
    }

    private static void writeObject(JsonObject object, StringBuilder text) {
        String separator = "";
        text.append('{');
        for (Map.Entry<String, JsonValue> member : object.members().entrySet()) {
            text.append(separator);
            writeString(member.getKey(), text);
            text.append(':');
            write(member.getValue(), text);
            separator = ",";
        }
        text.append('}');
    }

    private static void writeString(String string, StringBuilder text) {
        text.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                text.append("\\u").append(HexFormat.of().toHexDigits(c));
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }
}
