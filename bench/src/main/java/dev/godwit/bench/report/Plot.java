package dev.godwit.bench.report;

import java.awt.Color;
import java.awt.Font;
import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGraphics2D;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.CategoryAxis;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.plot.PlotOrientation;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.category.StandardBarPainter;
import org.jfree.chart.renderer.category.StatisticalBarRenderer;
import org.jfree.chart.renderer.xy.XYErrorRenderer;
import org.jfree.data.statistics.DefaultStatisticalCategoryDataset;
import org.jfree.data.xy.YIntervalSeries;
import org.jfree.data.xy.YIntervalSeriesCollection;

/** One measure of one group as a picture: bars side by side, or lines where something grows. */
final class Plot {

    private static final int WIDTH = 900;
    private static final int ROW_HEIGHT = 20;
    private static final int FRAME_HEIGHT = 110;
    private static final int LINES_HEIGHT = 460;

    private Plot() {}

    /**
     * Draws the rows that have the measure.
     *
     * @return whether there was one
     * @throws IOException if the file cannot be written
     */
    static boolean draw(Path file, List<Row> rows, String measure) throws IOException {
        List<Row> drawn =
                rows.stream().filter(row -> row.spread(measure).isPresent()).toList();
        if (drawn.isEmpty()) {
            return false;
        }
        boolean grows = !drawn.getFirst().axis().isEmpty();
        int height = grows ? LINES_HEIGHT : FRAME_HEIGHT + drawn.size() * ROW_HEIGHT;
        write(file, grows ? lines(drawn, measure) : bars(drawn, measure), height);
        return true;
    }

    private static JFreeChart bars(List<Row> rows, String measure) {
        DefaultStatisticalCategoryDataset figures = new DefaultStatisticalCategoryDataset();
        for (Row row : rows) {
            Spread spread = row.spread(measure).orElseThrow();
            figures.add(spread.median(), (spread.largest() - spread.smallest()) / 2, row.who(), row.way());
        }
        StatisticalBarRenderer renderer = new StatisticalBarRenderer();
        renderer.setBarPainter(new StandardBarPainter());
        renderer.setShadowVisible(false);
        renderer.setErrorIndicatorPaint(Color.DARK_GRAY);
        CategoryPlot plot = new CategoryPlot(figures, new CategoryAxis(), new NumberAxis(axisName(measure)), renderer);
        plot.setOrientation(PlotOrientation.HORIZONTAL);
        plot.getDomainAxis().setMaximumCategoryLabelWidthRatio(0.4f);
        plot.setBackgroundPaint(Color.WHITE);
        plot.setRangeGridlinePaint(Color.LIGHT_GRAY);
        return new JFreeChart(rows.getFirst().group(), titleFont(), plot, true);
    }

    private static JFreeChart lines(List<Row> rows, String measure) {
        YIntervalSeriesCollection figures = new YIntervalSeriesCollection();
        rows.stream().map(Plot::nameOf).distinct().forEach(name -> {
            YIntervalSeries series = new YIntervalSeries(name);
            for (Row row : rows) {
                Optional<Spread> spread = row.spread(measure);
                if (nameOf(row).equals(name) && spread.isPresent()) {
                    series.add(
                            row.at().orElseThrow(),
                            spread.get().median(),
                            spread.get().smallest(),
                            spread.get().largest());
                }
            }
            figures.addSeries(series);
        });
        XYErrorRenderer renderer = new XYErrorRenderer();
        renderer.setDefaultLinesVisible(true);
        renderer.setDrawXError(false);
        XYPlot plot = new XYPlot(
                figures, new NumberAxis(rows.getFirst().axis()), new NumberAxis(axisName(measure)), renderer);
        plot.setBackgroundPaint(Color.WHITE);
        plot.setRangeGridlinePaint(Color.LIGHT_GRAY);
        plot.setDomainGridlinePaint(Color.LIGHT_GRAY);
        return new JFreeChart(rows.getFirst().group(), titleFont(), plot, true);
    }

    private static String nameOf(Row row) {
        return row.who() + ": " + row.way();
    }

    private static String axisName(String measure) {
        return measure + (Row.isMoreBetter(measure) ? " (more is better)" : " (less is better)");
    }

    private static Font titleFont() {
        return new Font(Font.SANS_SERIF, Font.BOLD, 14);
    }

    private static void write(Path file, JFreeChart chart, int height) throws IOException {
        chart.setBackgroundPaint(Color.WHITE);
        try (Writer writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
            SVGGraphics2D graphics = new SVGGraphics2D(DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .getDOMImplementation()
                    .createDocument("http://www.w3.org/2000/svg", "svg", null));
            graphics.setSVGCanvasSize(new java.awt.Dimension(WIDTH, height));
            chart.draw(graphics, new Rectangle2D.Double(0, 0, WIDTH, height));
            graphics.stream(writer, true);
        } catch (ParserConfigurationException e) {
            throw new AssertionError(e);
        }
    }
}
