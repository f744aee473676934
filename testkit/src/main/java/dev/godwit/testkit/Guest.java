package dev.godwit.testkit;

import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the guest of {@code testkit/src/guest} is told to do.
 *
 * @param fixedMib MiB of content that never changes
 * @param hotMib MiB that it keeps writing
 * @param pauseUs microseconds of pause after every 16 pages written
 * @param seed seed of all content
 */
public record Guest(int fixedMib, int hotMib, int pauseUs, long seed) {

    private static final Pattern READY = Pattern.compile("^READY ([0-9a-f]{16})$");
    private static final Pattern TICK = Pattern.compile("^TICK (\\d+) ok ([0-9a-f]{16}) (\\d+)$");
    private static final Pattern CUT = Pattern.compile("^CUT (ok \\d+|BAD.*)$");

    /** A guest that fills 96 MiB and writes 8 MiB at an easy pace. */
    public static Guest small() {
        return new Guest(96, 8, 2000, 1);
    }

    /** {@return the kernel's command line for it} */
    public String kernelArguments() {
        return "console=ttyS0 quiet mitigations=off nokaslr random.trust_cpu=on audit=0 nowatchdog panic=-1"
                + " godwit.fixed_mib=%d godwit.hot_mib=%d godwit.pause_us=%d godwit.seed=%d"
                        .formatted(fixedMib, hotMib, pauseUs, seed);
    }

    /** Waits until it has filled its memory; returns the checksum of what never changes. */
    public static String awaitReady(QemuProcess qemu) throws InterruptedException {
        return qemu.console().await(READY, 0, Duration.ofSeconds(60)).group(1);
    }

    /**
     * Waits until it has, from now on, ticked again and verified all its memory twice over: the first verification may
     * have begun before.
     *
     * @throws AssertionError if it does not, or if anything on the console says that memory was wrong
     */
    public static void awaitVerified(QemuProcess qemu) throws InterruptedException {
        Console console = qemu.console();
        int from = console.lineCount();
        console.await(TICK, from, Duration.ofSeconds(60));
        for (int i = 0; i < 2; i++) {
            console.await(CUT, from, Duration.ofSeconds(60));
            from = console.lineCount();
        }
        assertNothingBad(qemu);
    }

    /** {@return the number of the newest tick, 0 before the first} */
    public static long lastTick(QemuProcess qemu) {
        return qemu.console().lines().stream()
                .map(TICK::matcher)
                .filter(Matcher::matches)
                .mapToLong(matcher -> Long.parseLong(matcher.group(1)))
                .max()
                .orElse(0);
    }

    /**
     * Looks at everything said so far.
     *
     * @throws AssertionError if a line says that memory was wrong, or the kernel broke
     */
    public static void assertNothingBad(QemuProcess qemu) {
        List<String> bad = qemu.console().lines().stream()
                .filter(line -> line.contains("BAD") || line.contains("Kernel panic") || line.contains("Oops"))
                .toList();
        if (!bad.isEmpty()) {
            throw new AssertionError("the guest's memory is wrong: " + bad);
        }
    }
}
