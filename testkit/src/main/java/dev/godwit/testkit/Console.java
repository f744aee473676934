package dev.godwit.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The lines of a guest's serial console, as they come. Any thread may wait for one. */
public final class Console {

    private final List<String> lines = new ArrayList<>();
    private @Nullable String end;

    /** Reads the console until it ends, on a thread of its own. */
    Console(InputStream input) {
        Thread.ofPlatform().daemon().name("guest-console").start(() -> readAll(input));
    }

    private void readAll(InputStream input) {
        String why = "the console ended";
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(input, StandardCharsets.ISO_8859_1))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                add(line.strip());
            }
        } catch (IOException e) {
            why = "the console broke off: " + e.getMessage();
        }
        end(why);
    }

    private synchronized void add(String line) {
        lines.add(line);
        notifyAll();
    }

    private synchronized void end(String why) {
        end = why;
        notifyAll();
    }

    /** {@return how many lines have come so far: the place from which to wait for a later one} */
    public synchronized int lineCount() {
        return lines.size();
    }

    /** {@return the lines so far} */
    public synchronized List<String> lines() {
        return List.copyOf(lines);
    }

    /**
     * Waits for a line in which the pattern is found.
     *
     * @param pattern what to look for
     * @param fromLine the first line to look at, counted from 0; lines that came already count
     * @param timeout how long to wait
     * @return the match
     * @throws AssertionError if none comes in time, or the console ends first; with the last lines
     */
    public synchronized Matcher await(Pattern pattern, int fromLine, Duration timeout) throws InterruptedException {
        long deadlineNs = System.nanoTime() + timeout.toNanos();
        for (int line = fromLine; ; ) {
            for (; line < lines.size(); line++) {
                Matcher matcher = pattern.matcher(lines.get(line));
                if (matcher.find()) {
                    return matcher;
                }
            }
            long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
            if (end != null || leftMs <= 0) {
                throw new AssertionError("no '%s' on the guest's console: %s; its last lines:%n%s"
                        .formatted(pattern, end != null ? end : "waited " + timeout.toSeconds() + " s", tail()));
            }
            wait(leftMs);
        }
    }

    private String tail() {
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 15), lines.size()));
    }
}
