package dev.godwit.operations;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.snapshot.SharedPages;
import dev.godwit.snapshot.Snapshot;
import java.io.Closeable;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Brings many guests up from one snapshot at once ({@code godwit clone}). Each has a thread of its own, on which it
 * goes on or fails whatever becomes of the others; they share the pages that were read, and the bandwidth, equally.
 *
 * <p>The snapshot is only read. {@link #close} may be called from any thread and ends {@link #run}: guests that run
 * then wait for the pages that they miss, until clones are resumed.
 */
public final class Clones implements Closeable {

    private final CloneOptions options;
    private final Progress progress;
    private final List<Clone> clones = new ArrayList<>();
    private @Nullable SharedPages pages;
    private boolean closed;

    /**
     * Clones to be.
     *
     * @param progress hears how much all of them have got together
     */
    public Clones(CloneOptions options, Progress progress) {
        this.options = options;
        this.progress = progress;
    }

    /**
     * What came of them.
     *
     * @param clones in the order of their control sockets
     * @param readBytes what was read of the snapshot's pages, 0 where the kernel reads them
     * @param sharedBytes what one clone got of what was read for another
     */
    public record Result(List<CloneStatus> clones, long readBytes, long sharedBytes) {
        /** Copies the list. */
        public Result {
            clones = List.copyOf(clones);
        }

        /** {@return whether none has failed} */
        public boolean isGood() {
            return clones.stream().noneMatch(clone -> clone.state() == CloneStatus.State.FAILED);
        }
    }

    /**
     * Brings them up; at most once. Returns when each is whole, or has failed, or its QEMU has ended.
     *
     * @throws IOException if the snapshot cannot be used; no QEMU has heard of it then
     */
    public Result run() throws IOException {
        progress.phase("bringing up " + options.destinations().size() + " clones", -1);
        progress.detail(this::detail);
        switch (options.way()) {
            case CloneOptions.Way.Mapped(boolean verify) -> {
                if (verify) {
                    Restore.verify(options.file(), progress);
                }
                addAll(options.destinations().stream().map(this::mapped).toList());
                runAll();
            }
            case CloneOptions.Way.Lazy lazy -> {
                try (Snapshot snapshot = Snapshot.open(options.file(), 0, progress)) {
                    SharedPages shared = new SharedPages(snapshot.checked());
                    synchronized (this) {
                        pages = shared;
                    }
                    addAll(options.destinations().stream()
                            .map(destination -> lazy(lazy, destination, snapshot, shared))
                            .toList());
                    shareBandwidth();
                    runAll();
                }
            }
        }
        return result();
    }

    private Clone mapped(QmpAddress destination) {
        Restore restore = new Restore(
                RestoreOptions.mapped(options.file(), new RestoreOptions.Destination.Deferred(destination), false),
                Progress.NONE);
        return Clone.mapped(destination, new Clone.Work() {
            @Override
            public Duration run() throws MigrationException {
                return restore.run().total();
            }

            @Override
            public void close() throws IOException {
                restore.close();
            }
        });
    }

    private Clone lazy(CloneOptions.Way.Lazy way, QmpAddress destination, Snapshot snapshot, SharedPages shared) {
        PushPace pace = new PushPace();
        pace.residency(way.residency());
        LazyRestore restore = new LazyRestore(
                new LazyRestoreOptions(
                        options.file(),
                        new RestoreOptions.Destination.Deferred(destination),
                        way.order(),
                        way.maxBandwidthBytesPerSecond(),
                        way.resume(),
                        way.preempt(),
                        false,
                        way.faultLatency()),
                bytesOnly(),
                pace);
        return Clone.lazy(destination, pace, restore, new Clone.Work() {
            @Override
            public Duration run() throws MigrationException {
                return restore.run(snapshot, shared).total();
            }

            @Override
            public void close() throws IOException {
                restore.close();
            }
        });
    }

    /** The phases of many at once would say nothing. */
    private Progress bytesOnly() {
        return new Progress() {
            @Override
            public void phase(String name, long totalBytes) {}

            @Override
            public void advance(long bytes) {
                progress.advance(bytes);
            }
        };
    }

    private void addAll(List<Clone> all) throws IOException {
        synchronized (this) {
            clones.addAll(all);
            if (closed) {
                throw new IOException("cancelled before any clone was begun");
            }
        }
    }

    private void runAll() throws IOException {
        List<Thread> threads = new ArrayList<>();
        for (Clone clone : all()) {
            threads.add(Thread.ofPlatform().name("clone-" + threads.size()).start(() -> {
                clone.run();
                shareBandwidth();
            }));
        }
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            close();
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while clones were brought up", e);
        }
    }

    private synchronized List<Clone> all() {
        return List.copyOf(clones);
    }

    /** What one does not need any more the others get. */
    private void shareBandwidth() {
        if (!(options.way() instanceof CloneOptions.Way.Lazy lazy) || lazy.maxBandwidthBytesPerSecond() == 0) {
            return;
        }
        List<Clone> underWay =
                all().stream().filter(clone -> !clone.status().state().isOver()).toList();
        for (Clone clone : underWay) {
            clone.pace().maxBytesPerSecond(Math.max(10, lazy.maxBandwidthBytesPerSecond() / underWay.size()));
        }
    }

    /**
     * Changes how much is pushed, at once.
     *
     * @param destination of one clone; empty for all
     * @return how many clones that are not over it was changed for
     */
    public int push(Optional<QmpAddress> destination, Residency residency) {
        int changed = 0;
        for (Clone clone : all()) {
            if ((destination.isEmpty() || destination.get().equals(clone.destination()))
                    && !clone.status().state().isOver()) {
                clone.pace().residency(residency);
                changed++;
            }
        }
        return changed;
    }

    /** {@return how all of them stand, in the order of their control sockets} */
    public List<CloneStatus> status() {
        return all().stream().map(Clone::status).toList();
    }

    private Result result() {
        SharedPages shared;
        synchronized (this) {
            shared = pages;
        }
        return new Result(status(), shared == null ? 0 : shared.readBytes(), shared == null ? 0 : shared.sharedBytes());
    }

    private String detail() {
        List<CloneStatus> all = status();
        long running = all.stream()
                .filter(clone -> clone.state() == CloneStatus.State.RUNNING)
                .count();
        long over = all.stream().filter(clone -> clone.state().isOver()).count();
        long requests =
                all.stream().mapToLong(clone -> clone.pages().requests()).sum();
        return "%d run, %d done, %d pages asked for".formatted(running, over, requests);
    }

    /** Ends {@link #run} if it is under way, by hanging up on all of them. */
    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
        }
        IOException failed = null;
        for (Clone clone : all()) {
            try {
                clone.close();
            } catch (IOException e) {
                failed = e;
            }
        }
        if (failed != null) {
            throw failed;
        }
    }
}
