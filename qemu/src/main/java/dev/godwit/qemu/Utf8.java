package dev.godwit.qemu;

import java.nio.charset.StandardCharsets;

/** The length of strings on the wire. */
final class Utf8 {

    private Utf8() {}

    /** {@return how many bytes a string has in UTF-8} */
    static int lengthBytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }
}
