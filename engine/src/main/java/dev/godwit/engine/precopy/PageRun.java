package dev.godwit.engine.precopy;

/** Pages in a row, as a {@link ScanOrder} finds them; the same object is filled again and again. */
public final class PageRun {

    private int blockIndex;
    private long firstPage;
    private long pages;
    private boolean hostPageGoesOn;

    /**
     * Says which pages these are.
     *
     * @param goesOn whether more dirty pages of the last one's host page follow, which have to be sent along
     */
    public void set(int block, long first, long count, boolean goesOn) {
        blockIndex = block;
        firstPage = first;
        pages = count;
        hostPageGoesOn = goesOn;
    }

    /** {@return the block's index in the layout} */
    public int blockIndex() {
        return blockIndex;
    }

    /** {@return the first page of the run} */
    public long firstPage() {
        return firstPage;
    }

    /** {@return how many pages, at least 1} */
    public long pages() {
        return pages;
    }

    /** {@return whether more dirty pages of the last one's host page follow} */
    public boolean hostPageGoesOn() {
        return hostPageGoesOn;
    }
}
