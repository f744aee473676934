package dev.godwit.linux;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a process has mapped of files, as {@code /proc/PID/maps} shows it. */
public final class ProcessMappings {

    private static final Pattern LINE =
            Pattern.compile("^([0-9a-f]+)-([0-9a-f]+) ([rwxps-]{4}) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\\d+)\\b.*");

    /**
     * A mapping of a file.
     *
     * @param fileOffsetBytes where it begins in the file
     * @param lengthBytes how long it is
     * @param inode the file's number on its file system
     */
    public record FileMapping(long fileOffsetBytes, long lengthBytes, long inode) {}

    private ProcessMappings() {}

    /**
     * {@return the mappings of files that a process has}
     *
     * @throws IOException if there is no such process, or this one may not look
     */
    public static List<FileMapping> of(long processId) throws IOException {
        List<FileMapping> mappings = new ArrayList<>();
        Path file = Path.of("/proc", Long.toString(processId), "maps");
        for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
            Matcher matcher = LINE.matcher(line);
            if (matcher.matches() && !matcher.group(7).equals("0")) {
                long start = Long.parseUnsignedLong(matcher.group(1), 16);
                long end = Long.parseUnsignedLong(matcher.group(2), 16);
                mappings.add(new FileMapping(
                        Long.parseUnsignedLong(matcher.group(4), 16),
                        end - start,
                        Long.parseUnsignedLong(matcher.group(7))));
            }
        }
        return mappings;
    }
}
