package dev.godwit.workload;

/** In which way a page is not what it must be. */
public enum DamageKind {
    /** It is all zero: it was never brought, or was taken away. */
    MISSING,
    /** It holds an older version: the writes after that are lost. */
    STALE,
    /** It holds a version that is not written yet: RAM is from a later moment than the device state. */
    AHEAD,
    /** It begins with one version and ends with another. */
    TORN,
    /** It holds the content of another page. */
    FOREIGN,
    /** It holds what was never written. */
    CORRUPT
}
