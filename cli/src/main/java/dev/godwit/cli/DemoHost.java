package dev.godwit.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PipedReader;
import java.io.PipedWriter;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Where a machine of the demo runs. */
sealed interface DemoHost {

    /** The places there are. */
    enum Kind {
        /** A process of its own. */
        PROCESS,
        /**
         * A thread of this process: for the launcher, which learns from a small demo which classes a migration needs.
         */
        THREAD
    }

    /** How long a machine that was quit may take to end. */
    Duration LONGEST_END = Duration.ofSeconds(10);

    /** Starts this program again, in the place that is wanted. */
    static DemoHost start(Kind kind, List<String> arguments) throws IOException {
        return switch (kind) {
            case PROCESS ->
                new InProcess(new ProcessBuilder(SelfCommand.with(arguments))
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start());
            case THREAD -> InThread.start(arguments);
        };
    }

    /** {@return what it says on standard error} */
    BufferedReader said() throws IOException;

    /** Waits for the end of a program that was told to end, and ends it otherwise. */
    void end();

    /** A process. */
    record InProcess(Process process) implements DemoHost {

        @Override
        public BufferedReader said() {
            return new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8));
        }

        @Override
        public void end() {
            try {
                if (!process.waitFor(LONGEST_END.toSeconds(), TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }

    /** A thread. */
    record InThread(Thread thread, PipedReader reader) implements DemoHost {

        private static InThread start(List<String> arguments) throws IOException {
            PipedReader reader = new PipedReader();
            PipedWriter writer = new PipedWriter(reader);
            Thread thread = Thread.ofPlatform().name("demo-run").daemon(true).start(() -> {
                try (PrintWriter err = new PrintWriter(writer, true)) {
                    new Godwit()
                            .commandLine()
                            .setOut(new PrintWriter(Writer.nullWriter()))
                            .setErr(err)
                            .execute(arguments.toArray(String[]::new));
                }
            });
            return new InThread(thread, reader);
        }

        @Override
        public BufferedReader said() {
            return new BufferedReader(reader);
        }

        @Override
        public void end() {
            try {
                thread.join(LONGEST_END);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
