package dev.godwit.bench.report;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What rows of Godwit's have to reach: a factor of a reference, at least where more is better, else at most.
 *
 * @param caseName the case that they belong to
 * @param group what the whole of their group's name matches
 * @param way what the whole of their way matches
 * @param measure the measure that counts
 * @param factor of the reference
 * @param reference what they are held against
 */
record Target(String caseName, Pattern group, Pattern way, String measure, double factor, Reference reference) {

    /** What a row is held against. */
    sealed interface Reference {}

    /**
     * Another row of the group, measured in the same rounds.
     *
     * @param who its side
     * @param way its way; $1 is the first group of the target's {@link Target#way}
     * @param measure its measure
     */
    record Peer(String who, String way, String measure) implements Reference {}

    /**
     * What the machine allows, measured in the same run.
     *
     * @param way the limit
     * @param measure its measure
     */
    record Limit(String way, String measure) implements Reference {}

    /**
     * A figure that was measured elsewhere.
     *
     * @param value the figure
     * @param origin where
     */
    record Fixed(double value, String origin) implements Reference {}

    /** The same row where what grows is smallest. */
    record Smallest() implements Reference {}

    /** {@return whether it is for a row} */
    boolean isFor(CaseResult result, Row row) {
        return result.name().equals(caseName)
                && row.who().startsWith("Godwit")
                && group.matcher(row.group()).matches()
                && way.matcher(row.way()).matches()
                && !(reference instanceof Smallest && row.equals(smallest(result, row)));
    }

    /** {@return whether a row reaches it, and in what words} */
    Verdict judge(Results results, CaseResult result, Row row) {
        String relation = Row.isMoreBetter(measure) ? "at least " : "at most ";
        String wanted = measure + " " + relation + words(row);
        Optional<Spread> own = row.spread(measure);
        if (own.isEmpty()) {
            return new Verdict(row, wanted, "not measured", false);
        }
        OptionalDouble other = referenceFigure(results, result, row);
        if (other.isEmpty()) {
            return new Verdict(row, wanted, "the reference was not measured", false);
        }
        double median = own.get().median();
        double ratio = median == other.getAsDouble() ? 1 : median / other.getAsDouble(); // nothing of both is the same
        boolean reached = Row.isMoreBetter(measure) ? ratio >= factor : ratio <= factor;
        return new Verdict(row, wanted, Spread.number(ratio) + " of it", reached);
    }

    private String words(Row row) {
        String times = factor == 1 ? "" : Spread.number(factor) + " × ";
        return times
                + switch (reference) {
                    case Peer peer ->
                        peer.who()
                                + (wayOf(peer, row).equals(row.way()) ? "'s" : ", " + wayOf(peer, row))
                                + (peer.measure().equals(measure) ? "" : " (" + peer.measure() + ")");
                    case Limit limit -> "C, " + limit.way();
                    case Fixed fixed -> Spread.number(fixed.value()) + " (" + fixed.origin() + ")";
                    case Smallest _ -> "that of the smallest";
                };
    }

    private String wayOf(Peer peer, Row row) {
        Matcher matcher = way.matcher(row.way());
        return matcher.matches()
                ? peer.way().replace("$1", matcher.groupCount() > 0 ? matcher.group(1) : row.way())
                : "";
    }

    private OptionalDouble referenceFigure(Results results, CaseResult result, Row row) {
        return switch (reference) {
            case Peer peer ->
                median(
                        result.rowsOf(row.group()).stream()
                                .filter(other -> other.who().equals(peer.who())
                                        && other.way().equals(wayOf(peer, row))
                                        && other.at().equals(row.at()))
                                .toList(),
                        peer.measure());
            case Limit limit ->
                median(
                        results.cases().stream()
                                .filter(each -> each.name().equals("limits"))
                                .flatMap(each -> each.rows().stream())
                                .filter(other -> other.way().equals(limit.way()))
                                .toList(),
                        limit.measure());
            case Fixed fixed -> OptionalDouble.of(fixed.value());
            case Smallest _ -> median(List.of(smallest(result, row)), measure);
        };
    }

    private static Row smallest(CaseResult result, Row row) {
        return result.rowsOf(row.group()).stream()
                .filter(other -> other.way().equals(row.way()) && other.who().equals(row.who()))
                .min((one, other) ->
                        Double.compare(one.at().orElse(0), other.at().orElse(0)))
                .orElse(row);
    }

    private static OptionalDouble median(List<Row> rows, String measure) {
        return rows.stream()
                .flatMap(row -> row.spread(measure).stream())
                .mapToDouble(Spread::median)
                .findFirst();
    }
}
