package dev.godwit.operations;

import dev.godwit.qmp.QmpEvent;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/** Measures how long the guest stood still, by the timestamps of QEMU's STOP and RESUME events. Thread-safe. */
final class GuestPause implements Consumer<QmpEvent> {

    private long stoppedAtUs = -1;
    private long totalUs;
    private boolean seen;

    @Override
    public synchronized void accept(QmpEvent event) {
        switch (event.name()) {
            case "STOP" -> {
                if (stoppedAtUs < 0) {
                    stoppedAtUs = event.timestampUs();
                }
            }
            case "RESUME" -> {
                if (stoppedAtUs >= 0) {
                    totalUs += event.timestampUs() - stoppedAtUs;
                    stoppedAtUs = -1;
                    seen = true;
                    notifyAll();
                }
            }
            default -> {
                // Other events say nothing about the guest's time.
            }
        }
    }

    /** Waits for the RESUME event, which may come a little after the command that caused it was answered. */
    synchronized Optional<Duration> await(Duration longest) throws InterruptedException {
        long deadlineNs = System.nanoTime() + longest.toNanos();
        while (!seen) {
            long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
            if (leftMs <= 0) {
                return Optional.empty();
            }
            wait(leftMs);
        }
        return Optional.of(Duration.ofNanos(totalUs * 1000));
    }
}
