package dev.godwit.engine.machine;

/**
 * Makes the memory of a machine ready into which pages will come soon, beside the thread that brings them: to have
 * memory from the kernel for the first time takes longer than to fill it. A port; any thread may call any method.
 *
 * <p>Memory is made ready in pieces of {@link #EXTENT_BYTES}, each once. What it holds does not change.
 */
public interface MemoryAhead extends AutoCloseable {

    /** What is made ready at a time: what the kernel gives at once where it has huge pages. */
    long EXTENT_BYTES = 2 << 20;

    /** Nothing is made ready. */
    MemoryAhead NONE = new MemoryAhead() {

        @Override
        public void soon(int blockIndex, long extent) {}

        @Override
        public void now(int blockIndex, long offsetBytes) {}

        @Override
        public boolean wasUntouched(int blockIndex, long extent) {
            return false;
        }

        @Override
        public void close() {}
    };

    /**
     * Pages will come into an extent soon: it is made ready, unless that has been done or begun. Returns at once.
     *
     * @param blockIndex a block of the machine
     * @param extent the block's extents count from 0; one behind its end is passed over
     */
    void soon(int blockIndex, long extent);

    /**
     * Pages come into an extent now. Where it is just being made ready, waits until it is; where that has not begun,
     * the first page is made ready here, and with it a huge page around it: of two who touch one at the same time, the
     * kernel has both clear one.
     *
     * @param offsetBytes of the first page that comes, in the block
     */
    void now(int blockIndex, long offsetBytes);

    /**
     * {@return whether nobody had touched an extent when this was made, so that it holds zeros until pages come} False
     * where that is not known.
     *
     * @param extent one of the block's
     */
    boolean wasUntouched(int blockIndex, long extent);

    /** Makes nothing ready any more, and returns when nothing is being made ready. Twice does no harm. */
    @Override
    void close();
}
