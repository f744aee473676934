package dev.godwit.cli;

import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.linux.Terminal;
import dev.godwit.operations.machine.GuestHost;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;
import java.time.Duration;

/**
 * Shows how a machine does, on standard error: on a terminal one line that is redrawn, elsewhere a line whenever its
 * run state or its migration's status is another.
 */
final class MachineWatch {

    private static final Duration INTERVAL = Duration.ofMillis(250);
    private static final String ERASE_TO_END = "\u001b[K";

    private MachineWatch() {}

    /** Watches on a thread of its own until the machine has ended. */
    static void start(GuestHost host, PrintWriter target) {
        boolean terminal = Terminal.isTerminal(Terminal.STANDARD_ERROR);
        Thread.ofVirtual().name("machine-watch").start(() -> watch(host, target, terminal));
    }

    private static void watch(GuestHost host, PrintWriter target, boolean terminal) {
        String shown = line(host, terminal);
        try {
            while (!host.end().isDone()) {
                Thread.sleep(INTERVAL);
                String now = line(host, terminal);
                if (!now.equals(shown)) {
                    target.print(terminal ? "\r" + now + ERASE_TO_END : "godwit: " + now + "\n");
                    target.flush();
                }
                shown = now;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (terminal) {
            target.println();
            target.flush();
        }
    }

    private static String line(GuestHost host, boolean withFigures) {
        MigrationReport report = host.migration();
        String line = host.runStatus().word();
        if (report.status() == MigrationStatus.NONE) {
            return line;
        }
        line += ", migration " + report.status().word();
        if (withFigures && report.ram().isPresent()) {
            MigrationReport.Ram ram = report.ram().get();
            line += ", pass " + ram.dirtySyncCount() + ", " + ByteSize.format(ram.transferredBytes()) + " sent, "
                    + ByteSize.format(ram.remainingBytes()) + " to go";
        }
        return line
                + report.errorDescription()
                        .map(error -> ": " + Printable.text(error))
                        .orElse("");
    }
}
