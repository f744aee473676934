package dev.godwit.engine.postcopy;

import dev.godwit.engine.Progress;
import dev.godwit.engine.RamSource;
import java.util.function.LongSupplier;

/**
 * What a postcopy has to send over one connection.
 *
 * @param ram the pages of a guest that stands still
 * @param claims which pages are still to be sent; on another connection than the first all of them, from which those
 *     received are then taken
 * @param order of the push, over the same claims
 * @param counters go on counting from connection to connection
 * @param pace of the push; what is asked for is sent at once nevertheless
 * @param mostBytesPerSecond limits the push besides, 0 for no limit; is asked again and again
 * @param progress hears how far it is, in bytes of RAM with content
 * @param listener hears what becomes of the guest and its pages
 */
public record PostcopyWork(
        RamSource ram,
        PageClaims claims,
        PushOrder order,
        PostcopyCounters counters,
        PushPace pace,
        LongSupplier mostBytesPerSecond,
        Progress progress,
        Listener listener) {

    /** Hears of a postcopy, from its threads, several at once. */
    public interface Listener {

        /** The destination is about to let the guest run. */
        void runs();

        /**
         * Pages have been written to the connection.
         *
         * @param offsetBytes in the block
         * @param lengthBytes whole host pages
         */
        void sent(int blockIndex, long offsetBytes, long lengthBytes);
    }

    /** {@return a listener that hears of the start of the guest only} */
    public static Listener onRun(Runnable runs) {
        return new Listener() {
            @Override
            public void runs() {
                runs.run();
            }

            @Override
            public void sent(int blockIndex, long offsetBytes, long lengthBytes) {}
        };
    }
}
