package dev.godwit.bench.report;

import java.util.List;

/**
 * One case of a run.
 *
 * @param name what {@code --case} calls it
 * @param title its heading
 * @param command what was run
 * @param seconds how long that took
 * @param failure why it ended early or did not run; empty if it did not fail
 * @param when it began, and with which commit
 * @param rows what it measured
 * @param measures the names of all measures, in the order in which they came up
 */
record CaseResult(
        String name,
        String title,
        String command,
        double seconds,
        String failure,
        String when,
        List<Row> rows,
        List<String> measures) {

    CaseResult {
        rows = List.copyOf(rows);
        measures = List.copyOf(measures);
    }

    /** {@return the groups, in the order in which they came up} */
    List<String> groups() {
        return rows.stream().map(Row::group).distinct().toList();
    }

    /** {@return the rows of a group} */
    List<Row> rowsOf(String group) {
        return rows.stream().filter(row -> row.group().equals(group)).toList();
    }
}
