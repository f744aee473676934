package dev.godwit.engine.migration;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The settings of a migration, in QEMU's words, with QEMU's defaults and ranges (qemu-migration specification section
 * 7.2). Those that are not here are refused by name.
 */
public enum MigrationParameter {
    /** Precopy limit in bytes a second, 0 for none. */
    MAX_BANDWIDTH(Kind.number(134_217_728, 0, Long.MAX_VALUE)),
    /** Bandwidth in bytes a second that the convergence test reckons with, 0 to use what was measured. */
    AVAIL_SWITCHOVER_BANDWIDTH(Kind.number(0, 0, Long.MAX_VALUE)),
    /** The pause that the guest may see, in ms. */
    DOWNTIME_LIMIT(Kind.number(300, 0, 2_000_000)),
    /** Limit for pages that nobody asked for in postcopy, in bytes a second, 0 for none. */
    MAX_POSTCOPY_BANDWIDTH(Kind.number(0, 0, Long.MAX_VALUE)),
    /** Memory for earlier copies of pages in bytes, a power of two. */
    XBZRLE_CACHE_SIZE(Kind.number(67_108_864, 4096, 1L << 46)),
    /** Share of dirtied to sent bytes, in percent, above which throttling begins. */
    THROTTLE_TRIGGER_THRESHOLD(Kind.number(50, 1, 100)),
    /** First throttling step in percent. */
    CPU_THROTTLE_INITIAL(Kind.number(20, 1, 99)),
    /** Later throttling steps in percent. */
    CPU_THROTTLE_INCREMENT(Kind.number(10, 1, 99)),
    /** Whether the last throttling steps are finer. */
    CPU_THROTTLE_TAILSLOW(Kind.truth(false)),
    /** Most throttling in percent. */
    MAX_CPU_THROTTLE(Kind.number(99, 1, 99)),
    /** How many connections multifd opens beside the main one. */
    MULTIFD_CHANNELS(Kind.number(2, 1, 255)),
    /** How multifd compresses. */
    MULTIFD_COMPRESSION(Kind.word("none", "none", "zlib", "zstd")),
    /** Effort of zlib. */
    MULTIFD_ZLIB_LEVEL(Kind.number(1, 0, 9)),
    /** Effort of zstd. */
    MULTIFD_ZSTD_LEVEL(Kind.number(1, 0, 20)),
    /** Who looks for zero pages: nobody, the main thread, or multifd's threads. */
    ZERO_PAGE_DETECTION(Kind.word("multifd", "none", "legacy", "multifd")),
    /** Whether page areas of mapped-ram files are written past the page cache. */
    DIRECT_IO(Kind.truth(false)),
    /** Folder with the x509 credentials; empty for no TLS. QEMU's id of an object; here also a path. */
    TLS_CREDS(Kind.text("")),
    /** Name that the destination's certificate must have; empty for the URI's host. */
    TLS_HOSTNAME(Kind.text("")),
    /** Who may connect; only empty is supported. */
    TLS_AUTHZ(Kind.text("")),
    /** Godwit's own: how the guest's writes are found; empty for the best way that the host has. */
    X_DIRTY_LOG(Kind.text("")),
    /** Godwit's own: the scan, skip and stop rules. Both {@code brief} and {@code qemu} keep to the downtime limit. */
    X_POLICY(Kind.word("brief", "brief", "qemu", "xen")),
    /** Godwit's own: the format that is sent; xen-2007 is that of Xen's saver of April 2007, with its own rules. */
    X_FORMAT(Kind.word("qemu", "qemu", "xen-2007")),
    /** Of xen-2007: how wide words are, in bits. */
    X_XEN_WORDS(Kind.word("64", "64", "32")),
    /** Of xen-2007 and policy xen: so many rounds with a running guest at most; 0 for Xen's 29. */
    X_XEN_MAX_ITERS(Kind.number(0, 0, Integer.MAX_VALUE)),
    /** Of xen-2007 and policy xen: the guest is stopped when more than so many times all pages were sent; 0 for 3. */
    X_XEN_MAX_FACTOR(Kind.number(0, 0, Integer.MAX_VALUE)),
    /** Of xen-2007: all is sent again at the end, to be compared. */
    X_XEN_DEBUG(Kind.truth(false)),
    /** Of xen-2007: the stream has the bugs of 2007. */
    X_XEN_STRICT(Kind.truth(false)),
    /** Godwit's own: in which order pages are pushed in postcopy that nobody asked for. */
    X_POSTCOPY_ORDER(Kind.word("fault-forward", "linear", "fault-forward", "recorded"));

    @SuppressWarnings("ImmutableEnumChecker") // every kind is a record of immutable values
    private final Kind kind;

    MigrationParameter(Kind kind) {
        this.kind = kind;
    }

    /** {@return QEMU's word, for example {@code max-bandwidth}} */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** {@return what values it may have} */
    public Kind kind() {
        return kind;
    }

    /** {@return the parameter of this name} */
    public static Optional<MigrationParameter> of(String word) {
        for (MigrationParameter parameter : values()) {
            if (parameter.word().equals(word)) {
                return Optional.of(parameter);
            }
        }
        return Optional.empty();
    }

    /** What values a parameter may have. */
    public sealed interface Kind {

        /** {@return the default} */
        Object byDefault();

        /** A whole number. */
        record Whole(Long byDefault, long least, long most) implements Kind {}

        /** A truth value. */
        record Truth(Boolean byDefault) implements Kind {}

        /** A word out of a list. */
        record Word(String byDefault, List<String> words) implements Kind {
            /** Copies the list. */
            public Word {
                words = List.copyOf(words);
            }
        }

        /** Any text. */
        record Text(String byDefault) implements Kind {}

        private static Kind number(long byDefault, long least, long most) {
            return new Whole(byDefault, least, most);
        }

        private static Kind truth(boolean byDefault) {
            return new Truth(byDefault);
        }

        private static Kind word(String byDefault, String... words) {
            return new Word(byDefault, List.of(words));
        }

        private static Kind text(String byDefault) {
            return new Text(byDefault);
        }
    }
}
