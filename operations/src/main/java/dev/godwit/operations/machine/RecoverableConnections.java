package dev.godwit.operations.machine;

import dev.godwit.engine.migration.ControlException;
import dev.godwit.operations.IncomingConnections;
import dev.godwit.qemu.PostcopyConnections;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.ReadableByteChannel;
import org.jspecify.annotations.Nullable;

/**
 * The connections of an incoming postcopy, one after the other: those it began with, and those that the source makes
 * when it comes back. Thread-safe.
 */
final class RecoverableConnections implements PostcopyConnections {

    private final boolean preempt;
    private @Nullable IncomingConnections current;
    private @Nullable IncomingConnections coming;
    private boolean over;

    RecoverableConnections(boolean preempt) {
        this.preempt = preempt;
    }

    /** {@return the first connections, which are being accepted from now on} */
    IncomingConnections first(MigrationListener listener) {
        IncomingConnections first = new IncomingConnections(listener, preempt);
        synchronized (this) {
            current = first;
        }
        return first;
    }

    /**
     * The source may come back at another address.
     *
     * @param listener closed with the connections, or here
     * @throws ControlException if it is awaited elsewhere already, or by nobody any more
     */
    void recover(MigrationListener listener) throws ControlException {
        synchronized (this) {
            if (coming == null && !over) {
                coming = new IncomingConnections(listener, preempt);
                notifyAll();
                return;
            }
        }
        closeQuietly(listener::close);
        throw new ControlException("Migrate recovery is triggered already");
    }

    @Override
    public ReadableByteChannel second() throws IOException {
        IncomingConnections now;
        synchronized (this) {
            now = current;
        }
        if (now == null) {
            throw new IOException("there is no connection");
        }
        return now.awaitSecond();
    }

    @Override
    public Link next() throws IOException {
        while (true) {
            IncomingConnections next = awaitComing();
            try {
                next.awaitMain();
                MigrationChannel main = next.main();
                if (!main.isDuplex()) {
                    throw new IOException("postcopy needs a connection that goes both ways");
                }
                synchronized (this) {
                    current = next;
                    coming = null;
                }
                return new Link(main, main);
            } catch (IOException e) {
                System.getLogger("dev.godwit.operations")
                        .log(Level.WARNING, "The source did not come back: " + e.getMessage());
                closeQuietly(next::close);
                synchronized (this) {
                    coming = null;
                }
            }
        }
    }

    private synchronized IncomingConnections awaitComing() throws IOException {
        try {
            while (coming == null && !over) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the source was awaited", e);
        }
        if (over || coming == null) {
            throw new IOException("the machine ends before the source has come back");
        }
        return coming;
    }

    @Override
    public void breakOff() {
        IncomingConnections now;
        synchronized (this) {
            now = current;
        }
        if (now != null) {
            closeQuietly(now::close);
        }
    }

    @Override
    public void giveUp() {
        IncomingConnections awaited;
        synchronized (this) {
            over = true;
            awaited = coming;
            notifyAll();
        }
        if (awaited != null) {
            closeQuietly(awaited::close);
        }
    }

    private interface Closing {
        void close() throws IOException;
    }

    @SuppressWarnings("EmptyCatch") // a connection that cannot be closed is of no use either
    private static void closeQuietly(Closing closing) {
        try {
            closing.close();
        } catch (IOException _) {
            // see above
        }
    }
}
