package dev.godwit.operations.machine;

import dev.godwit.engine.Progress;
import dev.godwit.engine.machine.Machine;
import dev.godwit.engine.machine.MachineSink;
import dev.godwit.engine.machine.MemoryAhead;
import dev.godwit.engine.migration.ControlException;
import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationParameter;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.postcopy.DemandPagedSink;
import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.postcopy.PostcopyRam;
import dev.godwit.engine.precopy.IncomingPrecopy;
import dev.godwit.operations.IncomingConnections;
import dev.godwit.qemu.IncomingMachineStream;
import dev.godwit.qemu.ReceivedPages;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationListener;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An incoming migration on its thread, from listening on. Any thread may use it. */
final class IncomingRun implements IncomingGuest {

    private static final long LONGEST_ANSWER_MS = 5_000;

    private final Machine machine;
    private final MigrationSettings settings;
    private final IncomingPrecopy precopy;
    private final Consumer<Optional<String>> whenEnded;
    private final Thread thread;
    private final @Nullable DemandPaging paging;
    private final MemoryAhead ahead;
    private final RecoverableConnections recoverable;
    private volatile MigrationListener listener;
    private @Nullable IncomingConnections connections;
    private boolean closed;

    /**
     * Begins to listen.
     *
     * @param uri where
     * @param postcopyRam the machine's RAM, where the source may go over to postcopy if the capability is on
     * @param events hears of the status
     * @param whenEnded called once: with nothing when the guest is here, otherwise with the reason
     * @throws IOException if it cannot listen there; nothing was started
     */
    IncomingRun(
            Machine machine,
            MachineRun machineRun,
            MigrationSettings settings,
            MachineChannels channels,
            MigrationUri uri,
            Optional<PostcopyRam> postcopyRam,
            Consumer<MachineEvent> events,
            Consumer<Optional<String>> whenEnded)
            throws IOException {
        this.machine = machine;
        this.settings = settings;
        this.whenEnded = whenEnded;
        this.paging = postcopyRam
                .filter(_ -> settings.has(MigrationCapability.POSTCOPY_RAM))
                .map(ram -> new DemandPaging(ram, machine::vcpuThreadIds))
                .orElse(null);
        this.ahead = paging == null ? postcopyRam.map(PostcopyRam::ahead).orElse(MemoryAhead.NONE) : MemoryAhead.NONE;
        this.recoverable = new RecoverableConnections(settings.has(MigrationCapability.POSTCOPY_PREEMPT));
        this.listener = channels.listen(uri);
        this.precopy = new IncomingPrecopy(machine, machineRun, events);
        this.thread = Thread.ofPlatform().name("incoming").daemon(true).unstarted(this::run);
        precopy.listening();
    }

    void start() {
        thread.start();
    }

    private void run() {
        Optional<String> error;
        try {
            receive();
            error = Optional.empty();
        } catch (IOException e) {
            error = Optional.of(e.getMessage() == null ? e.toString() : e.getMessage());
        } finally {
            ahead.close();
            if (paging != null) {
                paging.close();
            }
        }
        whenEnded.accept(error);
    }

    private void receive() throws IOException {
        DemandPagedSink onDemand = paging == null ? null : new DemandPagedSink(paging);
        ReceivedPages pages = new ReceivedPages(onDemand == null ? new MachineSink(machine.memory(), ahead) : onDemand);
        IncomingConnections opened;
        try {
            if (paging != null) {
                paging.prepare();
            }
            opened = open(pages);
            opened.awaitMain();
        } catch (IOException e) {
            precopy.failed(String.valueOf(e.getMessage()));
            closeConnections(e);
            throw e;
        }
        try (opened) {
            precopy.run(new ConnectedStream(stream(opened, pages, onDemand), opened));
        }
    }

    private IncomingConnections open(ReceivedPages pages) throws IOException {
        IncomingConnections opened = paging == null ? precopied(pages) : recoverable.first(listener);
        synchronized (this) {
            connections = opened;
            if (closed) {
                opened.close();
                throw new IOException("the machine ends");
            }
        }
        return opened;
    }

    private IncomingConnections precopied(ReceivedPages pages) {
        boolean multifd = settings.has(MigrationCapability.MULTIFD);
        String compression = settings.parameters().text(MigrationParameter.MULTIFD_COMPRESSION);
        return new IncomingConnections(
                listener,
                multifd ? (int) settings.parameters().number(MigrationParameter.MULTIFD_CHANNELS) : 0,
                MultifdMethod.valueOf(compression.toUpperCase(Locale.ROOT)),
                pages,
                Progress.NONE);
    }

    private IncomingMachineStream stream(
            IncomingConnections opened, ReceivedPages pages, @Nullable DemandPagedSink onDemand) {
        MigrationChannel main = opened.main();
        IncomingMachineStream stream = new IncomingMachineStream(machine, pages, main);
        if (main.isDuplex()) {
            stream.returnPath(main, settings.has(MigrationCapability.SWITCHOVER_ACK));
        }
        opened.multifd().ifPresent(stream::multifd);
        if (paging != null && onDemand != null) {
            boolean preempt = settings.has(MigrationCapability.POSTCOPY_PREEMPT);
            stream.postcopy(paging, onDemand, recoverable, preempt);
        }
        return stream;
    }

    /** Waits while the guest runs and its source is being told, which takes one write to a socket. */
    void awaitAnswered() {
        precopy.awaitAnswered(LONGEST_ANSWER_MS);
    }

    /** Breaks a postcopy's connections; the source can come back over others. */
    void pause() {
        if (paging != null) {
            paging.disconnected();
        }
        recoverable.breakOff();
    }

    /**
     * Waits for the source of a paused postcopy at another address.
     *
     * @throws ControlException if it is awaited already, or cannot be listened for there
     */
    void recover(MigrationUri uri, MachineChannels channels) throws ControlException {
        pause(); // the old address may be the new one
        try {
            MigrationListener next = channels.listen(uri);
            recoverable.recover(next);
            listener = next;
        } catch (IOException e) {
            throw new ControlException(String.valueOf(e.getMessage()), e);
        }
    }

    /** Lets everybody go who waits for a page; the guest does not run and never will. After {@link #close}. */
    void abandon() {
        if (paging != null) {
            paging.abandon();
        }
    }

    @Override
    public MigrationStatus status() {
        return precopy.state().status();
    }

    @Override
    public MigrationReport report() {
        MigrationReport report = precopy.report();
        List<String> addresses =
                listener.address() instanceof MigrationUri.Tcp || listener.address() instanceof MigrationUri.Unix
                        ? List.of(listener.address().toString())
                        : List.of();
        MigrationReport listening = report.withSocketAddresses(addresses);
        DemandPaging measured = settings.has(MigrationCapability.POSTCOPY_BLOCKTIME) ? paging : null;
        return measured != null && report.status() == MigrationStatus.COMPLETED
                ? listening.withPostcopy(measured.report())
                : listening;
    }

    private void closeConnections(IOException cause) {
        try {
            synchronized (this) {
                if (connections != null) {
                    connections.close();
                }
            }
            listener.close();
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Ends it, and waits until it no longer touches the machine. */
    @Override
    public void close() throws IOException {
        IncomingConnections open;
        synchronized (this) {
            closed = true;
            open = connections;
        }
        listener.close();
        if (open != null) {
            if (paging == null) {
                open.hangUp();
            }
            open.close();
        }
        recoverable.giveUp();
        recoverable.breakOff();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
