package dev.godwit.linux;

/** What the kernel is told of a range of memory; the kernel's own names ({@code MADV_*} of {@code madvise(2)}). */
public enum Advice {
    /** Nothing special. */
    NORMAL(0),
    /** Read ahead is of no use. */
    RANDOM(1),
    /** Read once, from the start to the end. */
    SEQUENTIAL(2),
    /** It will be wanted soon. */
    WILLNEED(3),
    /** Forget the pages of this mapping: private memory reads as zero or as the file again, shared memory as it is. */
    DONTNEED(4),
    /** Punch a hole into the memory file or shared memory below; it reads as zero for everybody. */
    REMOVE(9),
    /** A forked child does not have it. */
    DONTFORK(10),
    /** A forked child has it again. */
    DOFORK(11),
    /** Equal pages may be made one. */
    MERGEABLE(12),
    /** Merged pages are made separate. */
    UNMERGEABLE(13),
    /** Huge pages are wanted, transparently. */
    HUGEPAGE(14),
    /** Huge pages are not wanted. */
    NOHUGEPAGE(15),
    /** Left out of core dumps. */
    DONTDUMP(16),
    /** In core dumps again. */
    DODUMP(17),
    /** To be swapped out now. */
    PAGEOUT(21),
    /** Every page is made readable now. Since Linux 5.14. */
    POPULATE_READ(22),
    /** Every page is made writable now. Since Linux 5.14. */
    POPULATE_WRITE(23),
    /** Huge pages are made of what is there, now. Since Linux 6.1. */
    COLLAPSE(25);

    private final int number;

    Advice(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }
}
