package dev.godwit.bench.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Makes the page and its plots of the figures that {@code ./godwit bench} has written. */
public final class WriteReport {

    private static final String SPEED = "GiB/s";
    private static final int MOST_PLOTS_A_GROUP = 2;

    private final Path folder;

    private WriteReport(Path folder) {
        this.folder = folder;
    }

    /** Takes the file of the figures and the folder for the page; plots that were there before are removed. */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2) {
            throw new IllegalArgumentException("RESULTS FOLDER");
        }
        write(Path.of(arguments[0]), Path.of(arguments[1]));
    }

    static void write(Path results, Path folder) throws IOException {
        WriteReport report = new WriteReport(folder);
        report.removeOldPlots();
        String page = ReportPage.of(Results.read(results), Targets.all(), report.profiles(), report::plots);
        Files.writeString(folder.resolve("README.md"), page);
    }

    /** {@return the names of the profiles, which bench/profile has written beside the page} */
    private List<String> profiles() throws IOException {
        Path profiles = folder.resolve("profiles");
        if (!Files.isDirectory(profiles)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(profiles)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".txt"))
                    .sorted()
                    .toList();
        }
    }

    private void removeOldPlots() throws IOException {
        try (DirectoryStream<Path> old = Files.newDirectoryStream(folder, "*.svg")) {
            for (Path plot : old) {
                Files.delete(plot);
            }
        }
    }

    /** Draws a group's speed or else its first measure, and the first of those that matter next. */
    private List<String> plots(CaseResult result, String group) {
        List<Row> rows = result.rowsOf(group);
        List<String> measures = result.measures().stream()
                .filter(measure ->
                        rows.stream().anyMatch(row -> row.spread(measure).isPresent()))
                .toList();
        List<String> chosen = new ArrayList<>(
                measures.contains(SPEED)
                        ? List.of(SPEED)
                        : measures.stream().limit(1).toList());
        measures.stream()
                .filter(measure -> measure.contains("cpu") || measure.matches("(downtime|pause|guest runs|resident).*"))
                .filter(measure -> !chosen.contains(measure))
                .limit(MOST_PLOTS_A_GROUP - 1L)
                .forEach(chosen::add);
        List<String> names = new ArrayList<>();
        for (String measure : chosen) {
            String name = fileName(result.name() + " " + (result.groups().indexOf(group) + 1) + " " + measure);
            try {
                if (Plot.draw(folder.resolve(name), rows, measure)) {
                    names.add(name);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return names;
    }

    private static String fileName(String words) {
        return words.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("-$", "") + ".svg";
    }
}
