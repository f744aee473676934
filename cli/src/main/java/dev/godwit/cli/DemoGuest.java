package dev.godwit.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A QEMU with the demo's guest in it: a small Linux whose only program writes memory, checks it, and says so. */
final class DemoGuest implements AutoCloseable {

    /** READY: all memory is filled; the checksum is that of what never changes. */
    static final Pattern READY = Pattern.compile("READY ([0-9a-f]+)");

    /** CUT: all memory was verified, and what is written all the time shows one moment. */
    static final Pattern CUT = Pattern.compile("CUT (ok \\d+|BAD.*)");

    /** TICK: the guest's clock of work, and its own checksum. */
    static final Pattern TICK = Pattern.compile("TICK (\\d+) ok ([0-9a-f]+) (\\d+)");

    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);
    private static final int FIXED_MIB = 192;
    private static final int HOT_MIB = 16;

    private final Process process;
    private final Path socket;
    private final List<String> lines = new ArrayList<>();
    private boolean ended;

    private DemoGuest(Process process, Path socket) {
        this.process = process;
        this.socket = socket;
        Thread.ofVirtual().name("demo-console").start(this::readConsole);
    }

    /**
     * Starts one.
     *
     * @param peers the folder that {@code bin/peers} has filled
     * @param socket where its QMP socket is to be
     * @param more further arguments of QEMU
     */
    static DemoGuest start(Path peers, Path socket, String... more) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                peers.resolve("bin/qemu-10.0").toString(),
                "-machine",
                "pc",
                "-accel",
                "tcg",
                "-m",
                "320",
                "-nodefaults"));
        command.addAll(List.of("-display", "none", "-serial", "stdio", "-monitor", "none"));
        command.addAll(List.of("-qmp", "unix:" + socket + ",server=on,wait=off"));
        command.addAll(List.of("-kernel", peers.resolve("vmlinuz").toString()));
        command.addAll(List.of("-initrd", peers.resolve("initramfs").toString()));
        command.addAll(List.of(
                "-append",
                "console=ttyS0 quiet panic=-1 godwit.fixed_mib=" + FIXED_MIB + " godwit.hot_mib=" + HOT_MIB
                        + " godwit.pause_us=500"));
        command.addAll(Arrays.asList(more));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        return new DemoGuest(process, socket);
    }

    Path socket() {
        return socket;
    }

    private void readConsole() {
        try (BufferedReader console =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.ISO_8859_1))) {
            for (String line = console.readLine(); line != null; line = console.readLine()) {
                add(line);
            }
        } catch (IOException e) {
            add("console: " + e);
        } finally {
            end();
        }
    }

    private synchronized void add(String line) {
        lines.add(line);
        notifyAll();
    }

    private synchronized void end() {
        ended = true;
        notifyAll();
    }

    synchronized int lineCount() {
        return lines.size();
    }

    /** Waits for a line that the guest writes from a line on; fails at once if it says that memory is wrong. */
    synchronized Matcher await(Pattern wanted, int fromLine) throws IOException, InterruptedException {
        long deadlineNs = System.nanoTime() + LONGEST_WAIT.toNanos();
        int at = fromLine;
        while (true) {
            for (; at < lines.size(); at++) {
                String line = lines.get(at);
                if (line.startsWith("BAD") || line.startsWith("CUT BAD")) {
                    throw new IOException("the guest found its memory wrong: " + line);
                }
                Matcher matcher = wanted.matcher(line);
                if (matcher.find()) {
                    return matcher;
                }
            }
            long leftMs = (deadlineNs - System.nanoTime()) / 1_000_000;
            if (ended || leftMs <= 0) {
                throw new IOException("the guest " + (ended ? "ended" : "said nothing for 60 s")
                        + " before it said what was waited for; it last said: "
                        + (lines.isEmpty() ? "nothing" : lines.getLast()));
            }
            wait(leftMs);
        }
    }

    /** Waits until QEMU listens on its QMP socket. */
    void awaitSocket() throws IOException, InterruptedException {
        long deadlineNs = System.nanoTime() + LONGEST_WAIT.toNanos();
        while (!Files.exists(socket)) {
            if (!process.isAlive() || System.nanoTime() > deadlineNs) {
                throw new IOException("QEMU did not start; run it by hand to see why: "
                        + process.info().commandLine().orElse("qemu"));
            }
            TimeUnit.MILLISECONDS.sleep(10);
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
