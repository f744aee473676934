package dev.godwit.bench.report;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which profile shows what holds a row back that does not reach its target: a file of {@code bench/profile}'s, and the
 * section of that name in {@code held-back.md}, where it is read and judged.
 *
 * @param profile the name of both
 * @param caseName the case of the rows
 * @param rows what their group and way, with a colon between, match as a whole
 */
record HeldBack(String profile, String caseName, Pattern rows) {

    /** The first that is for a row counts. */
    private static final List<HeldBack> ALL = List.of(
            by("kernels-xbzrle", "kernels", ".*: XBZRLE.*"),
            by("kernels-bitmaps", "kernels", ".*: bitmap.*"),
            by("kernels-parser", "kernels", ".*: parser.*"),
            by("command-start", "command", ".*"),
            by("snapshot-background", "snapshot", "Saving.*--mode background"),
            by("snapshot-save", "snapshot", "Saving.*"),
            by("snapshot-receive-multifd", "snapshot", "Receiving.*multifd.*"),
            by("snapshot-receive", "snapshot", "Receiving.*"),
            by("snapshot-restore", "snapshot", "Loading.*"),
            by("files-ways", "files", ".*"),
            by("precopy-zlib", "precopy", "A standing.*zlib"),
            by("precopy-zstd", "precopy", "A standing.*zstd"),
            by("precopy-multifd", "precopy", "A standing.*multifd.*"),
            by("precopy-plain", "precopy", "A standing.*"),
            by("precopy-xbzrle", "precopy", "A guest.*xbzrle.*"),
            by("precopy-writing", "precopy", "A guest.*"),
            by("postcopy-half", "postcopy", ".*half of its RAM has been sent.*"),
            by("postcopy-limited", "postcopy", ".*are pushed.*"),
            by("postcopy-once", "postcopy", ".*"),
            by("background-snapshot", "background", ".*: background by.*"),
            by("background-stop", "background", ".*: stop and save"),
            by("background-own", "background", ".*"),
            by("restore-start", "restore", ".*: run --load.*"),
            by("restore-eager", "restore", ".*: eager.*"),
            by("restore-mapped", "restore", ".*: mapped.*"),
            by("restore-lazy", "restore", ".*: lazy.*"),
            by("clones-mapped", "clones", ".*: mapped.*"),
            by("clones-lazy", "clones", ".*: lazy.*"));

    private static HeldBack by(String profile, String caseName, String rows) {
        return new HeldBack(profile, caseName, Pattern.compile(rows));
    }

    /** {@return all of them} */
    static List<HeldBack> all() {
        return ALL;
    }

    /** {@return the name of the profile for a row} */
    static Optional<String> profileOf(CaseResult result, Row row) {
        return ALL.stream()
                .filter(each -> each.caseName.equals(result.name())
                        && each.rows.matcher(row.group() + ": " + row.way()).matches())
                .map(HeldBack::profile)
                .findFirst();
    }
}
