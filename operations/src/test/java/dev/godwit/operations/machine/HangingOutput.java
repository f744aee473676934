package dev.godwit.operations.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.background.SnapshotOutput;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.TransferCounters;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Another output whose disk answers so many writes, and then no more until it is told to. */
final class HangingOutput implements SnapshotOutput {

    private final SnapshotOutput output;
    private final AtomicInteger answered = new AtomicInteger();
    private final int most;
    private final CountDownLatch hangs = new CountDownLatch(1);
    private final CountDownLatch goesOn = new CountDownLatch(1);

    HangingOutput(SnapshotOutput output, int most) {
        this.output = output;
        this.most = most;
    }

    void awaitHanging() throws InterruptedException {
        assertThat(hangs.await(2, TimeUnit.MINUTES))
                .as("a write after %d", most)
                .isTrue();
    }

    void goOn() {
        goesOn.countDown();
    }

    @Override
    public void begin() throws IOException {
        output.begin();
    }

    @Override
    public int writers() {
        return output.writers();
    }

    @Override
    public PageWriter writer() {
        PageWriter writer = output.writer();
        return (blockIndex, firstPage, pages) -> {
            if (answered.incrementAndGet() > most) {
                hangs.countDown();
                try {
                    goesOn.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            writer.write(blockIndex, firstPage, pages);
        };
    }

    @Override
    public void end(MachineState state, RunStatus before) throws IOException {
        output.end(state, before);
    }

    @Override
    public TransferCounters counters() {
        return output.counters();
    }

    @Override
    public void abort() {
        output.abort();
    }

    @Override
    public void close() throws IOException {
        goOn();
        output.close();
    }
}
