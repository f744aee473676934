package dev.godwit.cli;

import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.operations.LazyRestoreResult;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.time.Duration;

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
        out.println("pushed      " + ByteSize.format(pages.pushedBytes()) + ", "
                + result.order().optionName());
        if (pages.reconnects() > 0) {
            out.println("connection  made anew " + pages.reconnects() + " times");
        }
        result.recordedPages().ifPresent(recorded -> out.println("recorded    " + recorded + " pages"));
        out.flush();
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
            json.writeNumberProperty("requests", pages.requests());
            json.writeNumberProperty("requestedBytes", pages.requestedBytes());
            json.writeNumberProperty("zeroAnswers", pages.zeroAnswers());
            json.writeNumberProperty("pushedBytes", pages.pushedBytes());
            json.writeNumberProperty("requestMedianUs", pages.medianNs() / 1000);
            json.writeNumberProperty("requestP99Us", pages.p99Ns() / 1000);
            json.writeNumberProperty("requestMaxUs", pages.longestNs() / 1000);
            json.writeNumberProperty("reconnects", pages.reconnects());
            result.recordedPages().ifPresent(recorded -> json.writeNumberProperty("recordedPages", recorded));
        });
    }
}
