package dev.godwit.host;

/** What guest RAM is made of. */
public enum RamBacking {
    /** Memory of this process alone. */
    ANONYMOUS,
    /** A memory file, whose descriptor other processes can be given. */
    MEMFD,
    /** A memory file on huge pages of 2 MiB from the kernel's pool; blocks shorter than one are on ordinary pages. */
    HUGETLB_2M
}
