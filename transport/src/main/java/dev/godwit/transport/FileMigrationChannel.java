package dev.godwit.transport;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** A file, or something that looks like one: a pipe under {@code /proc/self/fd}. */
final class FileMigrationChannel implements MigrationChannel {

    private final FileChannel file;
    private final String remote;

    FileMigrationChannel(FileChannel file, String remote) {
        this.file = file;
        this.remote = remote;
    }

    @Override
    public String remote() {
        return remote;
    }

    @Override
    public boolean isDuplex() {
        return false;
    }

    @Override
    public void shutdownInput() {}

    @Override
    public void shutdownOutput() {}

    @Override
    public int read(ByteBuffer target) throws IOException {
        return file.read(target);
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
        return file.write(source);
    }

    @Override
    public boolean isOpen() {
        return file.isOpen();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    @Override
    public String toString() {
        return remote;
    }
}
