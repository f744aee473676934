package dev.godwit.snapshot;

import dev.godwit.xen.WordSize;
import dev.godwit.xen.XenFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A format that is named because its content does not show it, or because it is to be written. */
public enum StatedFormat {
    /** None: the content shows it. */
    BY_CONTENT("", null, null),
    /** Xen's stream since 4.6. */
    XEN_V3("xen-v3", XenFormat.V3, null),
    /** Xen's stream from April 2007 to 4.5, words of a width that is guessed; 64 bits where it is written. */
    XEN_LEGACY("xen-legacy", XenFormat.LEGACY, null),
    /** The same of 32-bit tools. */
    XEN_LEGACY_32("xen-legacy-32", XenFormat.LEGACY, WordSize.BITS_32),
    /** The same of 64-bit tools. */
    XEN_LEGACY_64("xen-legacy-64", XenFormat.LEGACY, WordSize.BITS_64),
    /** The stream of Xen's saver of April 2007, words of a width that is guessed; 64 bits where it is written. */
    XEN_SEED("xen-seed", XenFormat.SEED, null),
    /** The same of 32-bit tools. */
    XEN_SEED_32("xen-seed-32", XenFormat.SEED, WordSize.BITS_32),
    /** The same of 64-bit tools. */
    XEN_SEED_64("xen-seed-64", XenFormat.SEED, WordSize.BITS_64);

    private final String word;
    private final @Nullable XenFormat xen;
    private final @Nullable WordSize words;

    StatedFormat(String word, @Nullable XenFormat xen, @Nullable WordSize words) {
        this.word = word;
        this.xen = xen;
        this.words = words;
    }

    /** {@return the name by which users know it; empty for {@link #BY_CONTENT}} */
    public String word() {
        return word;
    }

    /** {@return which of Xen's formats it is} */
    public Optional<XenFormat> xen() {
        return Optional.ofNullable(xen);
    }

    /** {@return how wide its words are, where that is said} */
    public Optional<WordSize> words() {
        return Optional.ofNullable(words);
    }

    /** {@return the format of a name, if there is one} */
    public static Optional<StatedFormat> named(String word) {
        return Arrays.stream(values())
                .filter(format -> format.word.equals(word) && format != BY_CONTENT)
                .findFirst();
    }

    /** {@return all names} */
    public static List<String> allWords() {
        return Arrays.stream(values())
                .filter(format -> format != BY_CONTENT)
                .map(StatedFormat::word)
                .toList();
    }
}
