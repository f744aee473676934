package dev.godwit.cli;

import dev.godwit.qmp.JsonObject;
import dev.godwit.transport.ByteSize;
import dev.godwit.xen.SaveLines;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import tools.jackson.core.JsonGenerator;

/** The rounds of a migration, as a machine of Godwit's own tells them; a QEMU tells none. */
final class RoundsOutput {

    private final List<JsonObject> rounds;

    private RoundsOutput(List<JsonObject> rounds) {
        this.rounds = rounds;
    }

    /** {@return the rounds in an answer to {@code query-migrate}} */
    static RoundsOutput of(JsonObject answer) {
        return new RoundsOutput(answer.array("x-godwit-rounds").orElse(List.of()).stream()
                .filter(JsonObject.class::isInstance)
                .map(JsonObject.class::cast)
                .toList());
    }

    /** {@return them as Xen's saver would number and count them} */
    List<SaveLines.Iteration> iterations() {
        return rounds.stream()
                .map(round -> new SaveLines.Iteration(
                        number(round, "round"),
                        round.truth("last").orElse(false),
                        number(round, "sent"),
                        number(round, "skipped"),
                        number(round, "dirtied"),
                        number(round, "time"),
                        number(round, "tool-cpu-time"),
                        number(round, "guest-cpu-time")))
                .toList();
    }

    void print(PrintWriter out) {
        if (rounds.isEmpty()) {
            return;
        }
        TextTable table = new TextTable("round", "sent", "skipped", "dirtied", "time", "bytes");
        for (JsonObject round : rounds) {
            boolean last = round.truth("last").orElse(false);
            table.row(
                    number(round, "round") + (last ? ", guest stopped" : ""),
                    Long.toString(number(round, "sent")),
                    Long.toString(number(round, "skipped")),
                    Long.toString(number(round, "dirtied")),
                    Durations.text(Duration.ofMillis(number(round, "time"))),
                    ByteSize.format(number(round, "bytes")));
        }
        out.println();
        table.print(out);
    }

    void write(JsonGenerator json) {
        json.writeArrayPropertyStart("rounds");
        for (JsonObject round : rounds) {
            json.writeStartObject();
            json.writeNumberProperty("round", number(round, "round"));
            json.writeBooleanProperty("last", round.truth("last").orElse(false));
            json.writeNumberProperty("dirtiedPages", number(round, "dirtied"));
            json.writeNumberProperty("sentPages", number(round, "sent"));
            json.writeNumberProperty("skippedPages", number(round, "skipped"));
            json.writeNumberProperty("durationMs", number(round, "time"));
            json.writeNumberProperty("sentBytes", number(round, "bytes"));
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static long number(JsonObject round, String name) {
        return round.wholeNumber(name).orElse(0);
    }
}
