package dev.godwit.qmp.server;

import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonBoolean;
import dev.godwit.qmp.JsonNumber;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.JsonValue;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The arguments of a command, asked for by name and type in QEMU's order and refused in QEMU's words; {@link #end}
 * refuses what was not asked for. Owned by one thread.
 */
public final class Arguments {

    private final JsonObject members;
    private final String path;
    private final Set<String> known = new HashSet<>();

    /** The arguments of a command. */
    public Arguments(JsonObject members) {
        this(members, "");
    }

    private Arguments(JsonObject members, String path) {
        this.members = members;
        this.path = path;
    }

    /**
     * Refuses what was not asked for.
     *
     * @throws RefusedCommandException if there is something
     */
    public void end() throws RefusedCommandException {
        for (String name : members.members().keySet()) {
            if (!known.contains(name)) {
                throw new RefusedCommandException("Parameter '" + path + name + "' is unexpected");
            }
        }
    }

    /** {@return the names of what is there, asked for or not} */
    public Collection<String> names() {
        return members.members().keySet();
    }

    /** {@return a value of any type} */
    public Optional<JsonValue> value(String name) {
        known.add(name);
        return members.get(name);
    }

    /** {@return a string that must be there} */
    public String text(String name) throws RefusedCommandException {
        return textOf(name, required(name));
    }

    /** {@return a string, if it is there} */
    public Optional<String> optionalText(String name) throws RefusedCommandException {
        Optional<JsonValue> value = value(name);
        return value.isEmpty() ? Optional.empty() : Optional.of(textOf(name, value.get()));
    }

    private String textOf(String name, JsonValue value) throws RefusedCommandException {
        if (value instanceof JsonString(String text)) {
            return text;
        }
        throw wrongType(name, "string");
    }

    /** {@return a word that must be there and be one of a list} */
    public String word(String name, Collection<String> words) throws RefusedCommandException {
        return checkedWord(name, text(name), words);
    }

    /** {@return a word out of a list, if it is there} */
    public Optional<String> optionalWord(String name, Collection<String> words) throws RefusedCommandException {
        Optional<String> text = optionalText(name);
        return text.isEmpty() ? text : Optional.of(checkedWord(name, text.get(), words));
    }

    private static String checkedWord(String name, String word, Collection<String> words)
            throws RefusedCommandException {
        if (!words.contains(word)) {
            throw new RefusedCommandException("Parameter '" + name + "' does not accept value '" + word + "'");
        }
        return word;
    }

    /** {@return true or false, if it is there} */
    public Optional<Boolean> optionalTruth(String name) throws RefusedCommandException {
        Optional<JsonValue> value = value(name);
        return value.isEmpty() ? Optional.empty() : Optional.of(truthOf(name, value.get()));
    }

    /** {@return true or false, which must be there} */
    public boolean truth(String name) throws RefusedCommandException {
        return truthOf(name, required(name));
    }

    private boolean truthOf(String name, JsonValue value) throws RefusedCommandException {
        if (value instanceof JsonBoolean(boolean truth)) {
            return truth;
        }
        throw wrongType(name, "boolean");
    }

    /** {@return a whole number that must be there} */
    public long number(String name) throws RefusedCommandException {
        return numberOf(name, required(name));
    }

    /** {@return a whole number, if it is there} */
    public OptionalLong optionalNumber(String name) throws RefusedCommandException {
        Optional<JsonValue> value = value(name);
        return value.isEmpty() ? OptionalLong.empty() : OptionalLong.of(numberOf(name, value.get()));
    }

    private long numberOf(String name, JsonValue value) throws RefusedCommandException {
        if (value instanceof JsonNumber number && number.wholeNumber().isPresent()) {
            return number.wholeNumber().getAsLong();
        }
        throw wrongType(name, "integer");
    }

    /** {@return the members of an object that must be there; end it before this} */
    public Arguments object(String name) throws RefusedCommandException {
        if (required(name) instanceof JsonObject object) {
            return new Arguments(object, path + name + ".");
        }
        throw wrongType(name, "object");
    }

    /** {@return the objects of an array that must be there; end each of them before this} */
    public List<Arguments> objects(String name) throws RefusedCommandException {
        return objectsOf(name, required(name));
    }

    /** {@return the objects of an array, if it is there; end each of them before this} */
    public Optional<List<Arguments>> optionalObjects(String name) throws RefusedCommandException {
        Optional<JsonValue> value = value(name);
        return value.isEmpty() ? Optional.empty() : Optional.of(objectsOf(name, value.get()));
    }

    private List<Arguments> objectsOf(String name, JsonValue value) throws RefusedCommandException {
        List<Arguments> objects = new ArrayList<>();
        for (JsonValue element : arrayOf(name, value)) {
            String place = name + "[" + objects.size() + "]";
            if (!(element instanceof JsonObject object)) {
                throw wrongType(place, "object");
            }
            objects.add(new Arguments(object, path + place + "."));
        }
        return objects;
    }

    /** {@return the strings of an array that must be there} */
    public List<String> texts(String name) throws RefusedCommandException {
        List<String> texts = new ArrayList<>();
        for (JsonValue element : arrayOf(name, required(name))) {
            texts.add(textOf(name + "[" + texts.size() + "]", element));
        }
        return texts;
    }

    private List<JsonValue> arrayOf(String name, JsonValue value) throws RefusedCommandException {
        if (value instanceof JsonArray(List<JsonValue> elements)) {
            return elements;
        }
        throw wrongType(name, "array");
    }

    private JsonValue required(String name) throws RefusedCommandException {
        Optional<JsonValue> value = value(name);
        if (value.isEmpty()) {
            throw new RefusedCommandException("Parameter '" + path + name + "' is missing");
        }
        return value.get();
    }

    /** {@return the refusal of an argument that has another type, in QEMU's word for the expected one} */
    public RefusedCommandException wrongType(String name, String expected) {
        return new RefusedCommandException("Invalid parameter type for '" + path + name + "', expected: " + expected);
    }
}
