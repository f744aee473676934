package dev.godwit.cli;

/** Text from files and sockets, made fit for a terminal: names may hold control characters, escape sequences too. */
final class Printable {

    private Printable() {}

    /** {@return the text with every control character written as {@code \xNN} or {@code \\uNNNN}} */
    static String text(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        text.codePoints().forEach(character -> {
            int type = Character.getType(character);
            boolean visible = type != Character.CONTROL
                    && type != Character.FORMAT
                    && type != Character.LINE_SEPARATOR
                    && type != Character.PARAGRAPH_SEPARATOR
                    && type != Character.SURROGATE
                    && type != Character.UNASSIGNED;
            if (visible) {
                safe.appendCodePoint(character);
            } else {
                safe.append(character < 0x100 ? "\\x%02x".formatted(character) : "\\u%04x".formatted(character));
            }
        });
        return safe.toString();
    }
}
