package dev.godwit.transport;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The blocks of a PEM file (RFC 7468); what stands between them is not looked at. */
final class Pem {

    /** A bundle of all the world's authorities has 200 KiB. */
    private static final int MAX_FILE_BYTES = 4 << 20;

    private static final Pattern BEGIN =
            Pattern.compile("^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \\t\\r]*$", Pattern.MULTILINE);

    private Pem() {}

    /**
     * One block.
     *
     * @param type what stands behind BEGIN, for example {@code CERTIFICATE}
     * @param der the content
     */
    @SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
    record Block(String type, byte[] der) {}

    /** {@return the blocks of a file, in their order} */
    static List<Block> read(Path file) throws IOException {
        String text = text(file);
        List<Block> blocks = new ArrayList<>();
        Matcher begin = BEGIN.matcher(text);
        for (int from = 0; begin.find(from); ) {
            String type = begin.group(1);
            String endLine = "-----END " + type + "-----";
            int end = text.indexOf(endLine, begin.end());
            if (end < 0) {
                throw new IOException(file + ": a block '" + type + "' has no end");
            }
            blocks.add(new Block(type, decoded(file, type, text.substring(begin.end(), end))));
            from = end + endLine.length();
        }
        return blocks;
    }

    private static String text(Path file) throws IOException {
        try {
            long lengthBytes = Files.size(file);
            if (lengthBytes > MAX_FILE_BYTES) {
                throw new IOException(file + ": is no PEM file, it has " + lengthBytes + " bytes");
            }
            return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IOException(file + ": no such file", e);
        } catch (java.nio.file.AccessDeniedException e) {
            throw new IOException(file + ": permission denied", e);
        }
    }

    private static byte[] decoded(Path file, String type, String base64) throws IOException {
        if (base64.indexOf(':') >= 0) {
            throw new IOException(file + ": the block '" + type + "' is encrypted, which is not supported");
        }
        try {
            return Base64.getMimeDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": the block '" + type + "' is not in base64", e);
        }
    }
}
