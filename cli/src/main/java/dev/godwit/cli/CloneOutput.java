package dev.godwit.cli;

import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.operations.CloneStatus;
import dev.godwit.operations.Clones;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import tools.jackson.core.JsonGenerator;

/** What each clone has asked for and received, for people and for programs. */
final class CloneOutput {

    private CloneOutput() {}

    static void printText(PrintWriter out, Clones.Result result) {
        TextTable table = new TextTable(
                "clone", "state", "ran after", "whole after", "asked for", "sent within (99 %)", "pushed");
        for (CloneStatus clone : result.clones()) {
            PostcopyCounters.Totals pages = clone.pages();
            table.row(
                    clone.destination().toString(),
                    clone.state().word(),
                    text(clone.untilRun()),
                    text(clone.untilComplete()),
                    pages.requests() + " pages, " + ByteSize.format(pages.requestedBytes()),
                    pages.requests() == 0 ? "-" : Durations.text(Duration.ofNanos(pages.p99Ns())),
                    ByteSize.format(pages.pushedBytes()));
        }
        table.print(out);
        if (result.readBytes() > 0) {
            out.println("read " + ByteSize.format(result.readBytes()) + " of the file, and took "
                    + ByteSize.format(result.sharedBytes()) + " from what was read for another clone");
        }
        for (CloneStatus clone : result.clones()) {
            clone.failure()
                    .ifPresent(failure -> out.println(clone.destination() + ": " + Printable.text(failure.message())));
        }
        out.flush();
    }

    private static String text(Optional<Duration> time) {
        return time.map(Durations::text).orElse("-");
    }

    static void printJson(PrintWriter out, Clones.Result result) {
        JsonOutput.print(out, json -> {
            json.writeArrayPropertyStart("clones");
            result.clones().forEach(clone -> write(json, clone));
            json.writeEndArray();
            json.writeNumberProperty("readBytes", result.readBytes());
            json.writeNumberProperty("sharedBytes", result.sharedBytes());
        });
    }

    private static void write(JsonGenerator json, CloneStatus clone) {
        json.writeStartObject();
        json.writeStringProperty("qmp", clone.destination().toString());
        json.writeStringProperty("state", clone.state().word());
        clone.untilRun().ifPresent(time -> json.writeNumberProperty("untilRunMs", time.toMillis()));
        clone.untilComplete().ifPresent(time -> json.writeNumberProperty("totalMs", time.toMillis()));
        LazyRestoreOutput.writePages(json, clone.pages(), clone.latencies());
        clone.failure().ifPresent(failure -> {
            json.writeStringProperty("error", failure.message());
            json.writeStringProperty("guestLocation", failure.location().name());
        });
        json.writeEndObject();
    }
}
