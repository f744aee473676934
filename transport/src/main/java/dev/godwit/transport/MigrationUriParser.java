package dev.godwit.transport;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the text of a migration URI; its messages are for users. */
final class MigrationUriParser {

    /** The text before the first colon, what follows it. */
    private static final Pattern SCHEME = Pattern.compile("([a-z][a-z0-9+.-]*):(.*)", Pattern.DOTALL);

    /** Host in brackets or without a colon, then the port. */
    private static final Pattern HOST_AND_PORT = Pattern.compile("(?:\\[([^\\[\\]]*)]|([^:\\[\\]]*)):([0-9]{1,5})");

    private MigrationUriParser() {}

    static MigrationUri parse(String text) {
        Matcher matcher = SCHEME.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text
                    + "' is no migration URI: write tcp:HOST:PORT, unix:PATH, fd:N, exec:COMMAND or file:PATH");
        }
        String rest = matcher.group(2);
        return switch (matcher.group(1)) {
            case "tcp" -> tcp(text, rest);
            case "unix" -> new MigrationUri.Unix(path(text, rest));
            case "fd" -> fd(text, rest);
            case "exec" -> exec(text, rest);
            case "file" -> file(text, rest);
            default ->
                throw new IllegalArgumentException("'" + matcher.group(1) + ":' in '" + text
                        + "' is not supported: tcp:, unix:, fd:, exec: and file: are");
        };
    }

    private static MigrationUri.Tcp tcp(String text, String rest) {
        int comma = rest.indexOf(',');
        if (comma >= 0) {
            throw new IllegalArgumentException(
                    "the option '" + rest.substring(comma + 1) + "' in '" + text + "' is not supported");
        }
        Matcher matcher = HOST_AND_PORT.matcher(rest);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no TCP address: write tcp:HOST:PORT, an IPv6 address in brackets");
        }
        int port = Integer.parseInt(matcher.group(3));
        if (port > 65535) {
            throw new IllegalArgumentException("the port in '" + text + "' is more than 65535");
        }
        return new MigrationUri.Tcp(matcher.group(1) != null ? matcher.group(1) : matcher.group(2), port);
    }

    private static MigrationUri.Fd fd(String text, String rest) {
        if (!rest.matches("[0-9]{1,9}")) {
            throw new IllegalArgumentException(
                    "'" + text + "' names no file descriptor: write its number, for example fd:3");
        }
        return new MigrationUri.Fd(Integer.parseInt(rest));
    }

    private static MigrationUri.Exec exec(String text, String rest) {
        if (rest.isBlank() || rest.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("'" + text + "' has no command: write exec:COMMAND");
        }
        return new MigrationUri.Exec(rest);
    }

    private static MigrationUri.OfFile file(String text, String rest) {
        int option = rest.indexOf(",offset=");
        if (option < 0) {
            return new MigrationUri.OfFile(path(text, rest), 0);
        }
        return new MigrationUri.OfFile(
                path(text, rest.substring(0, option)), ByteSize.parse(rest.substring(option + 8)));
    }

    private static Path path(String text, String path) {
        if (path.isEmpty()) {
            throw new IllegalArgumentException("'" + text + "' has no path");
        }
        try {
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("'" + text + "' has no usable path: " + e.getReason(), e);
        }
    }
}
