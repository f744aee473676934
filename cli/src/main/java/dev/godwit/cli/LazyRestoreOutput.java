package dev.godwit.cli;

import dev.godwit.engine.postcopy.LatencyStep;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.operations.LazyRestoreResult;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.StringJoiner;
import tools.jackson.core.JsonGenerator;

/** What a lazy restore has come to, for people and for programs. */
final class LazyRestoreOutput {

    private LazyRestoreOutput() {}

    static void printText(PrintWriter out, LazyRestoreResult result) {
        PostcopyCounters.Totals pages = result.pages();
        out.println("the guest is at the destination"
                + result.runState()
                        .map(state -> " (" + Printable.text(state) + ")")
                        .orElse("")
                + ": a " + Printable.text(result.machineType()) + " with " + ByteSize.format(result.ramBytes())
                + " of RAM, "
                + result.untilRun()
                        .map(time -> "started after " + Durations.text(time) + ", complete after ")
                        .orElse("complete after ")
                + Durations.text(result.total()));
        out.println("asked for   " + pages.requests() + " pages (" + ByteSize.format(pages.requestedBytes()) + ", "
                + pages.zeroAnswers() + " of them zero)"
                + (pages.requests() == 0
                        ? ""
                        : ", sent within " + time(pages.medianNs()) + " (half), " + time(pages.p99Ns()) + " (99 %), "
                                + time(pages.longestNs()) + " (all)"));
        if (pages.requests() > 0) {
            out.println("            " + latencies(result.latencies()));
        }
        out.println("pushed      " + ByteSize.format(pages.pushedBytes()) + ", "
                + result.order().optionName());
        if (pages.reconnects() > 0) {
            out.println("connection  made anew " + pages.reconnects() + " times");
        }
        result.recordedPages().ifPresent(recorded -> out.println("recorded    " + recorded + " pages"));
        out.flush();
    }

    /** The histogram in steps of ten. */
    private static String latencies(List<LatencyStep> steps) {
        StringJoiner text = new StringJoiner(", ");
        long below = 0;
        for (long upToNs = 10_000; upToNs <= 100_000_000_000L; upToNs *= 10) {
            long bound = upToNs;
            long requests = steps.stream()
                    .filter(step -> step.upToNs() <= bound)
                    .mapToLong(LatencyStep::requests)
                    .sum();
            if (requests > below) {
                text.add((requests - below) + " within " + unit(upToNs));
                below = requests;
            }
        }
        return text.toString();
    }

    private static String unit(long ns) {
        return ns < 1_000_000
                ? ns / 1000 + " µs"
                : ns < 1_000_000_000 ? ns / 1_000_000 + " ms" : ns / 1_000_000_000 + " s";
    }

    private static String time(long ns) {
        return Durations.text(Duration.ofNanos(ns));
    }

    static void printJson(PrintWriter out, LazyRestoreResult result) {
        PostcopyCounters.Totals pages = result.pages();
        JsonOutput.print(out, json -> {
            json.writeStringProperty("guestLocation", "GUEST_AT_DESTINATION");
            json.writeStringProperty("machineType", result.machineType());
            json.writeNumberProperty("ramBytes", result.ramBytes());
            result.runState().ifPresent(state -> json.writeStringProperty("runState", state));
            result.untilRun().ifPresent(time -> json.writeNumberProperty("untilRunMs", time.toMillis()));
            json.writeNumberProperty("totalMs", result.total().toMillis());
            json.writeStringProperty("order", result.order().optionName());
            writePages(json, pages, result.latencies());
            json.writeNumberProperty("reconnects", pages.reconnects());
            result.recordedPages().ifPresent(recorded -> json.writeNumberProperty("recordedPages", recorded));
        });
    }

    static void writePages(JsonGenerator json, PostcopyCounters.Totals pages, List<LatencyStep> latencies) {
        json.writeNumberProperty("requests", pages.requests());
        json.writeNumberProperty("requestedBytes", pages.requestedBytes());
        json.writeNumberProperty("zeroAnswers", pages.zeroAnswers());
        json.writeNumberProperty("pushedBytes", pages.pushedBytes());
        json.writeNumberProperty("requestMedianUs", pages.medianNs() / 1000);
        json.writeNumberProperty("requestP99Us", pages.p99Ns() / 1000);
        json.writeNumberProperty("requestMaxUs", pages.longestNs() / 1000);
        json.writeArrayPropertyStart("requestLatencies");
        for (LatencyStep step : latencies) {
            json.writeStartObject();
            json.writeNumberProperty("upToUs", step.upToNs() / 1e3);
            json.writeNumberProperty("requests", step.requests());
            json.writeEndObject();
        }
        json.writeEndArray();
    }
}
