package dev.godwit.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * One run of the benchmarks.
 *
 * @param environment where and how it ran, by name
 * @param cases what ran, in order
 */
record Results(Map<String, String> environment, List<CaseResult> cases) {

    /**
     * {@return the run that a file of {@code ./godwit bench} holds}
     *
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if it holds something else
     */
    static Results read(Path file) throws IOException {
        return parse(Files.readString(file));
    }

    /** {@return the run that a document describes} */
    static Results parse(String json) {
        try (JsonParser parser = new JsonFactory().createParser(ObjectReadContext.empty(), json)) {
            Map<?, ?> document = map(value(parser, parser.nextToken()));
            Map<String, String> environment = new LinkedHashMap<>();
            map(document.get("environment")).forEach((name, value) -> environment.put(text(name), text(value)));
            return new Results(
                    environment,
                    list(document.get("cases")).stream()
                            .map(each -> caseOf(map(each)))
                            .toList());
        }
    }

    private static CaseResult caseOf(Map<?, ?> given) {
        List<Row> rows = new ArrayList<>();
        Set<String> measures = new LinkedHashSet<>();
        for (Object each : list(given.get("rows"))) {
            rows.add(row(map(each), measures));
        }
        return new CaseResult(
                text(given.get("name")),
                text(given.get("title")),
                text(given.get("command")),
                number(given.get("seconds")),
                text(given.get("failure")),
                text(given.get("when")),
                rows,
                List.copyOf(measures));
    }

    private static Row row(Map<?, ?> given, Set<String> measures) {
        Map<String, List<Double>> figures = new LinkedHashMap<>();
        map(given.get("measures"))
                .forEach((name, values) -> figures.put(
                        text(name), list(values).stream().map(Results::number).toList()));
        measures.addAll(figures.keySet());
        boolean grows = given.containsKey("axis");
        return new Row(
                text(given.get("group")),
                text(given.get("way")),
                text(given.get("who")),
                grows ? text(given.get("axis")) : "",
                grows ? OptionalDouble.of(number(given.get("at"))) : OptionalDouble.empty(),
                figures,
                list(given.get("errors")).stream().map(Results::text).toList());
    }

    private static @Nullable Object value(JsonParser parser, @Nullable JsonToken token) {
        if (token == null) {
            throw new IllegalArgumentException("the document ends early");
        }
        return switch (token) {
            case START_OBJECT -> {
                Map<String, @Nullable Object> members = new LinkedHashMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    members.put(name, value(parser, parser.nextToken()));
                }
                yield members;
            }
            case START_ARRAY -> {
                List<@Nullable Object> elements = new ArrayList<>();
                for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
                    elements.add(value(parser, next));
                }
                yield elements;
            }
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_NULL -> null;
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case NOT_AVAILABLE, END_OBJECT, END_ARRAY, PROPERTY_NAME, VALUE_EMBEDDED_OBJECT ->
                throw new IllegalArgumentException("no value, but " + token);
        };
    }

    private static Map<?, ?> map(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            return map;
        }
        throw unexpected("an object", value);
    }

    private static List<?> list(@Nullable Object value) {
        if (value instanceof List<?> list) {
            return list;
        }
        throw unexpected("an array", value);
    }

    private static String text(@Nullable Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw unexpected("text", value);
    }

    private static double number(@Nullable Object value) {
        if (value instanceof Double number) {
            return number;
        }
        throw unexpected("a number", value);
    }

    private static IllegalArgumentException unexpected(String expected, @Nullable Object found) {
        return new IllegalArgumentException("expected " + expected + ", found " + Objects.toString(found));
    }
}
