package dev.godwit.bench.report;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The page in Markdown: where it was measured, what is reached and what is not, every row of every case. */
final class ReportPage {

    private final Results results;
    private final List<Target> targets;
    private final List<String> profiles;
    private final BiFunction<CaseResult, String, List<String>> plots;
    private final StringBuilder page = new StringBuilder();

    private ReportPage(
            Results results,
            List<Target> targets,
            List<String> profiles,
            BiFunction<CaseResult, String, List<String>> plots) {
        this.results = results;
        this.targets = targets;
        this.profiles = profiles;
        this.plots = plots;
    }

    /**
     * {@return the page}
     *
     * @param profiles the names of the profiles that there are; each is shown where it begins with a case's name
     * @param plots the names of the pictures of a case's group
     */
    static String of(
            Results results,
            List<Target> targets,
            List<String> profiles,
            BiFunction<CaseResult, String, List<String>> plots) {
        ReportPage made = new ReportPage(results, targets, profiles, plots);
        made.head();
        made.summary();
        results.cases().forEach(made::section);
        return made.page.toString();
    }

    private void head() {
        line("# Benchmarks");
        line("");
        line(
                "Written by `./godwit bench`; the figures are in [results.json](results.json). Each figure is the median of the"
                        + " rounds, with the smallest and largest behind it. Godwit and stock QEMU take turns at the same work.");
        line("Each case is a program whose `--help` says what is counted how, what is warm and what is cold.");
        line("");
        if ("quick".equals(results.environment().get("sizes"))) {
            line("**Small guests (`--quick`): this shows that all of it works, and not how fast it is.**");
            line("");
        }
        line("| | |");
        line("|---|---|");
        results.environment().forEach((name, value) -> line("| " + name + " | " + cell(value) + " |"));
        line("");
    }

    private void summary() {
        List<Verdict> verdicts = results.cases().stream()
                .flatMap(result -> result.rows().stream().flatMap(row -> verdicts(result, row).stream()))
                .toList();
        long reached = verdicts.stream().filter(Verdict::isReached).count();
        line("## Targets");
        line("");
        line(reached + " of " + verdicts.size() + " are reached. \"Of it\" is the figure divided by its reference.");
        line("");
        for (CaseResult result : results.cases()) {
            long failedRows = result.rows().stream()
                    .filter(row -> !row.errors().isEmpty())
                    .count();
            if (!result.failure().isEmpty()) {
                line("* **" + result.title() + " failed**: " + result.failure());
            }
            if (failedRows > 0) {
                line("* **" + result.title() + "**: " + failedRows + " of its rows failed in at least one round");
            }
        }
        line("");
        if (reached < verdicts.size()) {
            line("Not reached, each with what holds it back:");
            line("");
            line("| row | target | found | held back by |");
            line("|---|---|---|---|");
            results.cases().forEach(result -> result.rows().forEach(row -> missed(result, row)));
            line("");
        }
    }

    private void missed(CaseResult result, Row row) {
        String heldBack = HeldBack.profileOf(result, row)
                .filter(profile -> profiles.contains(profile + ".txt"))
                .map(profile -> "[" + profile + "](held-back.md#" + profile + ")")
                .orElse("not profiled");
        for (Verdict verdict : verdicts(result, row)) {
            if (!verdict.isReached()) {
                line("| " + cell(row.group() + ": " + at(row) + row.way() + ", " + row.who()) + " | "
                        + cell(verdict.wanted()) + " | " + verdict.found() + " | " + heldBack + " |");
            }
        }
    }

    private void section(CaseResult result) {
        line("## " + result.title());
        line("");
        line("`" + result.command() + "`, " + Math.round(result.seconds()) + " s, " + result.when() + ".");
        line("");
        if (!result.failure().isEmpty()) {
            line("**Failed: " + result.failure() + "**");
            line("");
        }
        List<String> shown = profiles.stream()
                .filter(profile -> profile.startsWith(result.name() + "-") || profile.equals(result.name() + ".txt"))
                .map(profile -> "[" + profile.replace(".txt", "") + "](profiles/" + profile + ")")
                .toList();
        if (!shown.isEmpty()) {
            line("Where the processor time goes, by `bench/profile`: " + String.join(", ", shown) + ".");
            line("");
        }
        for (String group : result.groups()) {
            table(result, group);
            for (String plot : plots.apply(result, group)) {
                line("![" + group + "](" + plot + ")");
                line("");
            }
        }
    }

    private void table(CaseResult result, String group) {
        List<Row> rows = result.rowsOf(group);
        List<String> measures = result.measures().stream()
                .filter(measure ->
                        rows.stream().anyMatch(row -> row.spread(measure).isPresent()))
                .toList();
        String axis = rows.getFirst().axis();
        List<String> heads = new ArrayList<>();
        if (!axis.isEmpty()) {
            heads.add(axis);
        }
        heads.addAll(List.of("way", "who"));
        heads.addAll(measures);
        heads.add("targets");
        line("### " + group);
        line("");
        line(cells(heads, head -> head));
        line(cells(heads, _ -> "---"));
        for (Row row : rows) {
            List<String> cells = new ArrayList<>();
            row.at().ifPresent(at -> cells.add(String.valueOf(Math.round(at))));
            cells.addAll(List.of(cell(row.way()), cell(row.who())));
            measures.forEach(
                    measure -> cells.add(row.spread(measure).map(Spread::text).orElse("–")));
            cells.add(judgement(result, row));
            line(cells(cells, cell -> cell));
        }
        line("");
    }

    private String judgement(CaseResult result, Row row) {
        List<String> words = new ArrayList<>();
        row.errors().stream()
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()))
                .forEach((error, count) -> words.add("**failed " + count + " ×**: " + cell(error)));
        List<Verdict> verdicts = verdicts(result, row);
        for (Verdict verdict : verdicts) {
            words.add((verdict.isReached() ? "reached: " : "**not reached**: ") + cell(verdict.wanted()) + ": "
                    + verdict.found());
        }
        if (verdicts.isEmpty() && row.who().startsWith("Godwit")) {
            words.add(isFirstOfGrowth(row) ? "the smallest" : "no target");
        }
        return words.isEmpty() ? "reference" : String.join("<br>", words);
    }

    private boolean isFirstOfGrowth(Row row) {
        return targets.stream()
                .anyMatch(target -> target.reference() instanceof Target.Smallest
                        && target.group().matcher(row.group()).matches());
    }

    private List<Verdict> verdicts(CaseResult result, Row row) {
        return targets.stream()
                .filter(target -> target.isFor(result, row) && counts(result, row, target))
                .map(target -> target.judge(results, result, row))
                .toList();
    }

    /** Not everything is measured in every way of a case; but what failed here and not elsewhere is not reached. */
    private static boolean counts(CaseResult result, Row row, Target target) {
        return row.spread(target.measure()).isPresent()
                || (!row.errors().isEmpty()
                        && result.rowsOf(row.group()).stream()
                                .anyMatch(other -> other.way().equals(row.way())
                                        && other.spread(target.measure()).isPresent()));
    }

    private static String at(Row row) {
        return row.at().isPresent() ? Math.round(row.at().getAsDouble()) + " " + row.axis() + ", " : "";
    }

    private static String cells(List<String> cells, Function<String, String> shown) {
        return cells.stream().map(shown).collect(Collectors.joining(" | ", "| ", " |"));
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;");
    }

    private void line(String text) {
        page.append(text).append('\n');
    }
}
