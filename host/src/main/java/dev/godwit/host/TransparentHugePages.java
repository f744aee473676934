package dev.godwit.host;

/** What the kernel is told of transparent huge pages under guest RAM. */
public enum TransparentHugePages {
    /** Nothing: the host's setting decides. */
    HOST_SETTING,
    /** They are wanted, where the host allows them. */
    WANTED,
    /** They are not wanted. */
    UNWANTED
}
