package dev.godwit.qemu;

import dev.godwit.engine.StreamFormatException;
import dev.godwit.engine.postcopy.DemandPagedSink;
import dev.godwit.engine.postcopy.DemandPaging;
import dev.godwit.engine.postcopy.IncomingRest;
import dev.godwit.engine.postcopy.PageRequester;
import dev.godwit.engine.postcopy.SpareThread;
import dev.godwit.qemu.vmstate.MachinePackage;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The destination of QEMU's postcopy (qemu-migration specification sections 3.6 to 3.8): acts on its commands, asks for
 * pages on the return path, and takes a new connection where the first one breaks.
 *
 * <p>A connection is set up and read by one thread at a time. The return path is written by that thread, by the one
 * that hears faults and by the one that loads the devices.
 */
final class PostcopyReceiver implements PostcopyCommands, IncomingRest {

    private static final long AWAIT_STEP_MS = 200;

    private final DemandPaging paging;
    private final DemandPagedSink sink;
    private final PostcopyConnections connections;
    private final boolean preempt;
    private final SpareThread spare = new SpareThread("postcopy-receive");
    private volatile @Nullable ReturnPath path;
    private @Nullable IncomingReading reading;
    private @Nullable StreamReader reader;
    private @Nullable IncomingElements elements;
    private @Nullable MachinePackage guest;
    private @Nullable PreemptThread second;
    private boolean recovering;
    private Runnable resumed = () -> {};

    /**
     * A receiver of one migration.
     *
     * @param paging of the machine's memory
     * @param sink over the same paging; takes the pages of every channel
     * @param preempt whether the source opens a second connection for pages that are asked for
     */
    PostcopyReceiver(DemandPaging paging, DemandPagedSink sink, PostcopyConnections connections, boolean preempt) {
        this.paging = paging;
        this.sink = sink;
        this.connections = connections;
        this.preempt = preempt;
    }

    /** Has the first connection's reading go on, once the package is read. */
    void take(IncomingReading first) {
        reading = first;
        reader = first.reader();
        elements = first.elements();
    }

    /** Sets the return path of the first connection. */
    void answers(ReturnPath returnPath) {
        path = returnPath;
    }

    /** {@return the package, once it is read} */
    MachinePackage guest() {
        if (guest == null) {
            throw new IllegalStateException("no package yet");
        }
        return guest;
    }

    /** {@return the return path of the connection there is} */
    ReturnPath path() throws IOException {
        ReturnPath now = path;
        if (now == null) {
            throw new IOException("postcopy needs a connection that goes both ways");
        }
        return now;
    }

    @Override
    public void command(ByteInput input, Command command) throws IOException {
        switch (command) {
            case Command.PostcopyAdvise(long pageSizesBytes, long targetPageBytes) ->
                paging.advise(pageSizesBytes, targetPageBytes);
            case Command.PostcopyAdviseBitmaps _ ->
                throw input.unexpected(
                        "POSTCOPY_ADVISE of 16 bytes, because the capability postcopy-ram is on here",
                        "postcopy of dirty bitmaps alone");
            case Command.RamDiscard discard -> discard(input, discard);
            case Command.Packaged _ -> {}
            case Command.PostcopyResume _ -> resume(input);
            case Command.ReceivedBitmap(String block) -> tellReceived(input, block);
            case Command.PostcopyListen _, Command.PostcopyRun _ ->
                throw input.unexpected(command.commandName() + " in a package only", "it outside");
            case Command.OpenReturnPath _, Command.Ping _, Command.EnableColo _, Command.SwitchoverStart _ ->
                throw new AssertionError(command);
        }
    }

    private void discard(ByteInput input, Command.RamDiscard discard) throws IOException {
        int block = machineBlock(input, discard.block());
        for (Command.RamDiscard.Range range : discard.ranges()) {
            paging.discard(block, range.startBytes(), range.lengthBytes());
        }
    }

    private int machineBlock(ByteInput input, String id) throws IOException {
        int block = sink.machineIndexOf(id);
        if (block < 0) {
            throw input.unexpected("a RAM block of the block list", id);
        }
        return block;
    }

    @Override
    public void packaged(ByteInput input, byte[] blob) throws IOException {
        long at = input.position() - blob.length;
        try {
            guest = MachinePackage.read(blob);
        } catch (StreamFormatException e) {
            throw new IOException("the package at byte %d of the stream: %s".formatted(at, e.getMessage()), e);
        }
        if (preempt) {
            readSecond();
        }
        paging.listen();
        paging.connected(requester());
    }

    /** A request that was begun on a connection before this one breaks nothing any more. */
    private PageRequester requester() throws IOException {
        ReturnPath own = path();
        return new PageRequestWriter(own, paging.memory().layout(), () -> {
            if (own.equals(path)) {
                breakOff();
            }
        });
    }

    private void readSecond() throws IOException {
        StreamReader main = reader;
        if (main == null) {
            throw new IllegalStateException("no connection");
        }
        second = new PreemptThread(connections.second(), main.layout(), sink, this::breakOff);
    }

    @Override
    public void beside(Runnable work) {
        spare.run(work);
    }

    @Override
    public void loaded() throws IOException {
        paging.run();
    }

    @Override
    public void started() {
        try {
            for (int value : guest().pings()) {
                path().send(new ReturnPathMessage.Pong(value));
            }
        } catch (IOException _) {
            // The guest is here all the same, and a source that cannot know that waits to come back.
            breakOff();
        }
    }

    @Override
    public void receive(Runnable whenResumed) throws IOException {
        StreamReader main = reader;
        IncomingElements heard = elements;
        if (main == null || heard == null) {
            throw new IllegalStateException("no connection");
        }
        resumed = whenResumed;
        if (second != null) {
            second.start();
        }
        main.readOn();
        if (!heard.ramEnded()) {
            throw new IOException("the source ended its stream before all of RAM was sent");
        }
        if (recovering) {
            throw new IOException("the source ended its stream before it sent POSTCOPY_RESUME");
        }
    }

    /** A source that came back wants to know what it need not send again. */
    private void tellReceived(ByteInput input, String block) throws IOException {
        int index = machineBlock(input, block);
        if (!paging.isListening()) {
            throw input.unexpected("RECV_BITMAP in postcopy", "it before");
        }
        path().send(new ReturnPathMessage.ReceivedBitmap(
                block, paging.arrivals().receivedBitmap(index)));
    }

    private void resume(ByteInput input) throws IOException {
        if (!recovering) {
            throw input.unexpected("POSTCOPY_RESUME in a recovery", "it elsewhere");
        }
        if (preempt) {
            readSecond();
            if (second != null) {
                second.start();
            }
        }
        recovering = false;
        resumed.run();
        path().send(new ReturnPathMessage.ResumeAck());
        paging.connected(requester());
    }

    @Override
    public void breakOff() {
        paging.disconnected();
        connections.breakOff();
    }

    @Override
    public void awaitSource() throws IOException {
        joinSecond();
        PostcopyConnections.Link link = connections.next();
        StreamReader before = reader;
        if (before == null) {
            throw new IllegalStateException("no connection");
        }
        ByteInput input = new ByteInput(link.forward());
        ReturnPath back = new ReturnPath(link.back());
        IncomingElements heard =
                IncomingElements.resumed(input, IncomingPages.ofFurtherChannel(input, sink), back, this);
        path = back;
        elements = heard;
        reader = before.resumedOn(input, heard);
        recovering = true;
    }

    @Override
    public void end() throws IOException {
        awaitThoseAskedFor();
        paging.end();
        PreemptThread channel = second;
        if (channel != null) {
            channel.over();
        }
    }

    /** What is asked for comes on the second connection, whose pages the end of the first one may overtake. */
    private void awaitThoseAskedFor() throws IOException {
        PreemptThread channel = second;
        try {
            while (channel != null && !paging.arrivals().awaitNoneAwaited(AWAIT_STEP_MS)) {
                if (!channel.isAlive() && !paging.arrivals().awaitNoneAwaited(0)) {
                    throw new IOException("the source has ended, and %d pages that were asked for have not come"
                            .formatted(paging.arrivals().awaited().size()));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the last pages were awaited", e);
        }
    }

    private void joinSecond() {
        PreemptThread channel = second;
        if (channel != null) {
            channel.join();
            second = null;
        }
    }

    @Override
    public void abandon() {
        connections.giveUp();
        breakOff();
        paging.abandon();
    }

    /** Frees what the reading of the first connection holds, and waits for the second one's end; both are closed. */
    void close() {
        spare.close();
        joinSecond();
        if (reading != null) {
            reading.close();
        }
    }
}
