package dev.godwit.qmp.server;

import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.PostcopyReport;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonNumber;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonString;
import dev.godwit.qmp.JsonValue;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.OptionalLong;

/** The answer to {@code query-migrate}, with QEMU's fields and units (qemu-migration specification section 7.4). */
final class ReportJson {

    private ReportJson() {}

    static JsonObject of(MigrationReport report) {
        JsonObject answer = JsonObject.empty();
        if (report.status() != MigrationStatus.NONE) {
            answer = answer.with("status", report.status().word());
        }
        answer = with(answer, "total-time", report.totalTimeMs());
        answer = with(answer, "setup-time", report.setupTimeMs());
        answer = with(answer, "expected-downtime", report.expectedDowntimeMs());
        answer = with(answer, "downtime", report.downtimeMs());
        if (report.cpuThrottlePercentage().isPresent()) {
            answer = answer.with(
                    "cpu-throttle-percentage", report.cpuThrottlePercentage().getAsInt());
        }
        if (report.errorDescription().isPresent()) {
            answer = answer.with("error-desc", report.errorDescription().get());
        }
        if (!report.blockedReasons().isEmpty()) {
            answer = answer.with(
                    "blocked-reasons",
                    new JsonArray(report.blockedReasons().stream()
                            .<JsonValue>map(JsonString::new)
                            .toList()));
        }
        if (!report.socketAddresses().isEmpty()) {
            answer = answer.with(
                    "socket-address",
                    new JsonArray(report.socketAddresses().stream()
                            .map(ReportJson::socketAddress)
                            .toList()));
        }
        if (report.ram().isPresent()) {
            answer = answer.with("ram", ram(report.ram().get()));
        }
        if (report.xbzrle().isPresent()) {
            answer = answer.with("xbzrle-cache", xbzrle(report.xbzrle().get()));
        }
        if (report.postcopy().isPresent()) {
            answer = withPostcopy(answer, report.postcopy().get());
        }
        return withOwn(answer, report);
    }

    /** What QEMU does not tell. */
    private static JsonObject withOwn(JsonObject ofQemu, MigrationReport report) {
        JsonObject answer = ofQemu;
        if (!report.rounds().isEmpty()) {
            answer = answer.with(
                    "x-godwit-rounds",
                    new JsonArray(report.rounds().stream()
                            .<JsonValue>map(ReportJson::round)
                            .toList()));
        }
        return report.writeFaults().isPresent()
                ? answer.with(
                        "x-godwit-write-faults",
                        writeFaults(report.writeFaults().get()))
                : answer;
    }

    /** Blocktimes in milliseconds, the mean latency in nanoseconds; bucket i of the distribution begins at 2^i us. */
    private static JsonObject withPostcopy(JsonObject answer, PostcopyReport postcopy) {
        return answer.with("postcopy-blocktime", postcopy.blocktimeMs())
                .with("postcopy-vcpu-blocktime", numbers(postcopy.vcpuBlocktimeMs()))
                .with("postcopy-latency", postcopy.latencies().meanNs())
                .with("postcopy-latency-dist", numbers(postcopy.latencies().counts()))
                .with("x-postcopy-latency-p50", postcopy.latencies().medianNs())
                .with("x-postcopy-latency-p99", postcopy.latencies().mostNs())
                .with("x-postcopy-latency-max", postcopy.latencies().longestNs())
                .with("x-postcopy-faults", postcopy.latencies().faults());
    }

    private static JsonArray numbers(List<Long> numbers) {
        return new JsonArray(numbers.stream().<JsonValue>map(JsonNumber::of).toList());
    }

    private static JsonObject writeFaults(WriteFaultReport faults) {
        return JsonObject.empty()
                .with("count", faults.faults())
                .with("threads", faults.threads())
                .with("total-ns", faults.totalNs())
                .with("longest-ns", faults.longestNs())
                .with("longest-thread-ns", faults.longestThreadNs())
                .with(
                        "latency-dist",
                        new JsonArray(faults.histogram().stream()
                                .<JsonValue>map(JsonNumber::of)
                                .toList()));
    }

    private static JsonObject with(JsonObject answer, String name, OptionalLong number) {
        return number.isPresent() ? answer.with(name, number.getAsLong()) : answer;
    }

    private static JsonValue socketAddress(String uri) {
        if (uri.startsWith("unix:")) {
            return JsonObject.of("type", "unix").with("path", uri.substring("unix:".length()));
        }
        int colon = uri.lastIndexOf(':');
        String host = uri.substring("tcp:".length(), colon).replace("[", "").replace("]", "");
        return JsonObject.of("type", "inet").with("host", host).with("port", uri.substring(colon + 1));
    }

    private static JsonObject ram(MigrationReport.Ram ram) {
        return JsonObject.empty()
                .with("total", ram.totalBytes())
                .with("transferred", ram.transferredBytes())
                .with("remaining", ram.remainingBytes())
                .with("duplicate", ram.duplicatePages())
                .with("normal", ram.normalPages())
                .with("normal-bytes", ram.normalPages() * ram.pageSizeBytes())
                .with("page-size", ram.pageSizeBytes())
                .with("dirty-sync-count", ram.dirtySyncCount())
                .with("dirty-sync-missed-zero-copy", 0)
                .with("dirty-pages-rate", ram.dirtyPagesRate())
                .with("mbps", decimal(ram.megabitsPerSecond()))
                .with("pages-per-second", ram.pagesPerSecond())
                .with("multifd-bytes", ram.multifdBytes())
                .with("precopy-bytes", ram.precopyBytes())
                .with("downtime-bytes", ram.downtimeBytes())
                .with("postcopy-bytes", ram.postcopyBytes())
                .with("postcopy-requests", ram.postcopyRequests());
    }

    /** Godwit's own. */
    private static JsonObject round(MigrationReport.Round round) {
        return JsonObject.empty()
                .with("round", round.round())
                .with("last", round.last())
                .with("sent", round.sentPages())
                .with("skipped", round.skippedPages())
                .with("dirtied", round.dirtiedPages())
                .with("time", round.durationMs())
                .with("bytes", round.sentBytes())
                .with("tool-cpu-time", round.toolCpuMs())
                .with("guest-cpu-time", round.guestCpuMs());
    }

    private static JsonObject xbzrle(MigrationReport.Xbzrle xbzrle) {
        return JsonObject.empty()
                .with("cache-size", xbzrle.cacheSizeBytes())
                .with("bytes", xbzrle.bytes())
                .with("pages", xbzrle.pages())
                .with("cache-miss", xbzrle.cacheMiss())
                .with("cache-miss-rate", decimal(xbzrle.cacheMissRate()))
                .with("encoding-rate", decimal(xbzrle.encodingRate()))
                .with("overflow", xbzrle.overflow());
    }

    private static JsonValue decimal(double number) {
        return new JsonNumber(
                Double.isFinite(number)
                        ? BigDecimal.valueOf(number)
                                .setScale(6, RoundingMode.HALF_UP)
                                .stripTrailingZeros()
                                .toPlainString()
                        : "0");
    }
}
