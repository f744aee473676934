package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What comes over the serial port, by lines; a line may begin at one machine and end at the next. */
final class SerialLines extends OutputStream {

    private static final long LONGEST_WAIT_S = 300;

    private final BlockingQueue<String> queue = new LinkedBlockingQueue<>();
    private final StringBuilder line = new StringBuilder();

    @Override
    public synchronized void write(int value) {
        if (value == '\n') {
            queue.add(line.toString().strip());
            line.setLength(0);
        } else {
            line.append((char) (value & 0xff));
        }
    }

    /** Forgets the lines that nobody has asked for. */
    void forget() {
        queue.clear();
    }

    void await(String beginning) throws InterruptedException {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_WAIT_S);
        while (true) {
            String found = queue.poll(LONGEST_WAIT_S, TimeUnit.SECONDS);
            assertThat(found).as("waiting for " + beginning).isNotNull().doesNotStartWith("ERROR");
            if (found.startsWith(beginning)) {
                return;
            }
            assertThat(System.nanoTime()).as("waiting for " + beginning).isLessThan(deadlineNs);
        }
    }
}
