package dev.godwit.transport;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A command's standard input and output. The command is waited for when its output ends and when the channel is closed;
 * an exit status other than 0 is then an error.
 */
final class ProcessMigrationChannel implements MigrationChannel {

    /** 128 + SIGPIPE: what a shell reports of a command whose output nobody wanted any more. */
    private static final int ENDED_BY_CLOSED_PIPE = 141;

    private static final Duration GRACE = Duration.ofSeconds(30);

    private final Process process;
    private final String command;
    private final ReadableByteChannel output;
    private final OutputStream inputStream;
    private final WritableByteChannel input;
    private volatile boolean open = true;
    private volatile boolean outputEnded;

    private ProcessMigrationChannel(Process process, String command) {
        this.process = process;
        this.command = command;
        this.output = Channels.newChannel(process.getInputStream());
        this.inputStream = process.getOutputStream();
        this.input = Channels.newChannel(inputStream);
    }

    static ProcessMigrationChannel start(String command) throws IOException {
        Process process = new ProcessBuilder("/bin/sh", "-c", command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        return new ProcessMigrationChannel(process, command);
    }

    @Override
    public String remote() {
        return "exec:" + command;
    }

    @Override
    public boolean isDuplex() {
        return false;
    }

    @Override
    public void shutdownInput() {}

    @Override
    public void shutdownOutput() throws IOException {
        inputStream.close();
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
        int length = output.read(target);
        if (length < 0 && !outputEnded) {
            outputEnded = true;
            inputStream.close();
            check(await());
        }
        return length;
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        int length = input.write(source);
        inputStream.flush();
        return length;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    @Override
    public void close() throws IOException {
        if (!open) {
            return;
        }
        open = false;
        try (input;
                output) {
            inputStream.close();
        } finally {
            int status = await();
            if (!(status == ENDED_BY_CLOSED_PIPE && !outputEnded)) {
                check(status);
            }
        }
    }

    private int await() throws IOException {
        try {
            if (!process.waitFor(GRACE.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException(
                        "the command did not end within " + GRACE.toSeconds() + " s and was killed: " + command);
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroy();
            InterruptedIOException interrupted =
                    new InterruptedIOException("interrupted while waiting for: " + command);
            interrupted.initCause(e);
            throw interrupted;
        }
    }

    private void check(int status) throws IOException {
        if (status != 0) {
            throw new IOException("the command ended with status " + status + ": " + command);
        }
    }

    @Override
    public String toString() {
        return remote();
    }
}
