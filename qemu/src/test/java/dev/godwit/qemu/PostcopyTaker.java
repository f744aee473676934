package dev.godwit.qemu;

import dev.godwit.codec.PageDecodingException;
import dev.godwit.codec.Xbzrle;
import dev.godwit.ram.Page;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The destination of a postcopy without a guest: it takes pages as QEMU does, asks for some at random, and fails where
 * one comes twice, or something out of turn. It can hang up, and then waits for its source to come back.
 */
final class PostcopyTaker implements AutoCloseable {

    /** What ends a connection on purpose. */
    private static final class Cut extends IOException {
        private static final long serialVersionUID = 1L;
    }

    final List<String> commands = new ArrayList<>();
    final List<byte[]> memory = new ArrayList<>();
    private final ServerSocketChannel listener;
    private final boolean preempt;
    private final SplittableRandom random;
    private final List<PageBitmap> received = new ArrayList<>();
    private final List<Long> hostPageBytes = new ArrayList<>();
    private final FutureTask<Void> task = new FutureTask<>(this::take, null);
    private RamLayout layout = new RamLayout(List.of());
    private @Nullable SocketChannel main;
    private @Nullable SocketChannel second;
    private @Nullable ReturnPath answers;
    private @Nullable StreamReader reader;
    private boolean running;
    private boolean complete;
    private boolean refuses;
    private Runnable beforeStop = () -> {};
    private long postcopyPages;
    private long cutAtPages = Long.MAX_VALUE;
    private long cutEveryPages;
    private int cuts;
    private volatile boolean cutting;
    private volatile @Nullable Throwable failure;
    private volatile long ranNs;

    PostcopyTaker(boolean preempt, long seed) throws IOException {
        this.preempt = preempt;
        this.random = new SplittableRandom(seed);
        this.listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    SocketAddress address() throws IOException {
        return listener.getLocalAddress();
    }

    /** Hangs up so many times, each after about so many pages. */
    PostcopyTaker cutting(int times, long everyPages) {
        cuts = times;
        cutEveryPages = everyPages;
        return this;
    }

    /** Does something before the source hears that it may stop the guest. */
    PostcopyTaker beforeStop(Runnable work) {
        beforeStop = work;
        return this;
    }

    /** Fails before it lets the guest run. */
    PostcopyTaker refusing() {
        refuses = true;
        return this;
    }

    void start() {
        Thread.ofPlatform().name("taker").start(task);
    }

    void join() throws Exception {
        task.get(60, TimeUnit.SECONDS);
        Throwable found = failure;
        if (found != null) {
            throw new AssertionError(found);
        }
    }

    /** {@return when it said that the guest runs, as {@link System#nanoTime()} has it} */
    long ranNs() {
        return ranNs;
    }

    long postcopyPages() {
        return postcopyPages;
    }

    private void take() {
        try {
            connect();
            while (!complete) {
                try {
                    if (reader == null) {
                        reader = new StreamReader(new ByteInput(channel(main)), StreamOptions.STAYS_OPEN, new Ear());
                        reader.read();
                    } else {
                        reader = reader.resumedOn(new ByteInput(channel(main)), new Ear());
                        reader.readResumed();
                    }
                    end();
                } catch (IOException e) {
                    if (!cutting) {
                        throw e;
                    }
                    cutting = false;
                    hangUp();
                    connect();
                }
            }
        } catch (IOException | RuntimeException | AssertionError e) {
            if (!refuses) {
                failure = e;
            }
            leave();
        }
    }

    /** Hangs up for good. */
    private void leave() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        hangUp();
    }

    private void connect() throws IOException {
        main = listener.accept();
        answers = new ReturnPath(channel(main));
        cutAtPages = cuts == 0 ? Long.MAX_VALUE : postcopyPages + 1 + random.nextLong(cutEveryPages);
    }

    private static SocketChannel channel(@Nullable SocketChannel open) {
        if (open == null) {
            throw new AssertionError("not connected");
        }
        return open;
    }

    private void answer(ReturnPathMessage message) throws IOException {
        ReturnPath path = answers;
        if (path == null) {
            throw new AssertionError("not connected");
        }
        path.send(message);
    }

    private void end() throws IOException {
        if (!running) {
            throw new IOException("the end came before the guest");
        }
        if (second != null) {
            awaitSecond();
        }
        complete = true;
        answer(new ReturnPathMessage.Shut(0));
        hangUp();
    }

    /** A page that was asked for may be on its way on the other channel. */
    private synchronized void awaitSecond() throws IOException {
        try {
            while (!isWhole() && failure == null) {
                wait(100);
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private boolean isWhole() {
        return received.stream().allMatch(bits -> bits.setPages() == bits.pages());
    }

    private synchronized void hangUp() {
        for (SocketChannel open : new SocketChannel[] {second, main}) {
            if (open != null) {
                try {
                    open.close();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }
        }
        second = null;
        // what came of a huge page in part is dropped
        for (int block = 0; block < received.size(); block++) {
            long each = hostPageBytes.get(block) / Page.SIZE_BYTES;
            PageBitmap bits = received.get(block);
            for (long page = 0; running && each > 1 && page < bits.pages(); page += each) {
                long missing = bits.nextClear(page);
                if (missing >= 0 && missing < page + each) {
                    bits.clear(page, each);
                }
            }
        }
    }

    private synchronized void place(int block, long offsetBytes, @Nullable MemorySegment content) throws IOException {
        long page = offsetBytes / Page.SIZE_BYTES;
        if (running) {
            if (received.get(block).get(page)) {
                throw new IOException("page %d of block %d came twice".formatted(page, block));
            }
            postcopyPages++;
        }
        MemorySegment target = MemorySegment.ofArray(memory.get(block)).asSlice(offsetBytes, Page.SIZE_BYTES);
        if (content == null) {
            target.fill((byte) 0);
        } else {
            target.copyFrom(content);
        }
        received.get(block).set(page);
        notifyAll();
        if (running && postcopyPages >= cutAtPages && cuts > 0 && !cutting) {
            cuts--;
            cutting = true;
            throw new Cut();
        }
        if (running && random.nextInt(20) == 0) {
            ask();
        }
    }

    private void ask() throws IOException {
        int block = random.nextInt(received.size());
        long each = hostPageBytes.get(block);
        long hostPage = random.nextLong(layout.block(block).lengthBytes() / each);
        if (!received.get(block).get(hostPage * each / Page.SIZE_BYTES)) {
            answer(new ReturnPathMessage.RequestPagesOf(layout.block(block).id(), hostPage * each, (int) each));
        }
    }

    private void discard(Command.RamDiscard discard) throws IOException {
        if (discard.ranges().size() > 12) {
            throw new IOException(discard.ranges().size() + " ranges");
        }
        int block = layout.indexOf(discard.block());
        for (Command.RamDiscard.Range range : discard.ranges()) {
            if (range.startBytes() % hostPageBytes.get(block) != 0
                    || range.lengthBytes() % hostPageBytes.get(block) != 0) {
                throw new IOException("a part of a host page: " + range);
            }
            received.get(block).clear(range.startBytes() / Page.SIZE_BYTES, range.lengthBytes() / Page.SIZE_BYTES);
            MemorySegment.ofArray(memory.get(block))
                    .asSlice(range.startBytes(), range.lengthBytes())
                    .fill((byte) 0x55);
        }
    }

    private void packaged(byte[] blob) throws IOException {
        ByteInput input = new ByteInput(Channels.newChannel(new ByteArrayInputStream(blob)));
        input.u8();
        if (!(Commands.read(input) instanceof Command.PostcopyListen)) {
            throw new IOException("a package without LISTEN");
        }
        if (refuses) {
            answer(new ReturnPathMessage.Shut(1));
            // Unread bytes would take the answer with them when the connection is closed.
            channel(main).shutdownOutput();
            ByteBuffer unread = ByteBuffer.allocate(1 << 16);
            while (channel(main).read(unread.clear()) >= 0) {
                // nobody wants them
            }
            throw new IOException("refused");
        }
        if (preempt) {
            acceptSecond();
        }
        ranNs = System.nanoTime();
        answer(new ReturnPathMessage.Pong(3));
        synchronized (this) {
            running = true;
        }
        for (int i = 0; i < 5; i++) {
            ask();
        }
    }

    private void acceptSecond() throws IOException {
        SocketChannel accepted = listener.accept();
        SocketChannel first = channel(main);
        synchronized (this) {
            second = accepted;
        }
        Thread.ofPlatform().name("taker-preempt").start(() -> {
            try {
                PreemptReader.read(new ByteInput(accepted), layout, new Ear());
            } catch (Cut _) {
                hangUp(first);
            } catch (IOException e) {
                if (accepted.isOpen()) {
                    failure = e;
                    hangUp(first);
                }
            }
        });
    }

    /** The other thread may have noticed by itself, and gone on. */
    @SuppressWarnings("EmptyCatch")
    private void hangUp(SocketChannel connection) {
        try {
            connection.shutdownInput();
        } catch (ClosedChannelException _) {
            // it has hung up itself
        } catch (IOException e) {
            failure = e;
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        hangUp();
    }

    /** Hears a channel. */
    private final class Ear implements StreamVisitor {

        @Override
        public void header() {}

        @Override
        public void configuration(Configuration configuration) {}

        @Override
        public void command(Command command) throws IOException {
            commands.add(command.getClass().getSimpleName());
            switch (command) {
                case Command.Ping(int value) -> {
                    if (value == PostcopyAnswers.PING_BEFORE_PACKAGE) {
                        beforeStop.run();
                    }
                    answer(new ReturnPathMessage.Pong(value));
                }
                case Command.RamDiscard discarded -> discard(discarded);
                case Command.ReceivedBitmap(String id) -> {
                    PageBitmap bits = received.get(layout.indexOf(id));
                    byte[] bytes = new byte[(int) bits.lengthBytes()];
                    bits.writeTo(MemorySegment.ofArray(bytes));
                    answer(new ReturnPathMessage.ReceivedBitmap(id, bytes));
                }
                case Command.PostcopyResume() -> {
                    if (preempt) {
                        acceptSecond();
                    }
                    answer(new ReturnPathMessage.ResumeAck());
                }
                case Command.OpenReturnPath _,
                        Command.PostcopyAdvise _,
                        Command.PostcopyAdviseBitmaps _,
                        Command.PostcopyListen _,
                        Command.PostcopyRun _,
                        Command.Packaged _,
                        Command.EnableColo _,
                        Command.SwitchoverStart _ -> {}
            }
        }

        @Override
        public void packaged(byte[] blob) throws IOException {
            PostcopyTaker.this.packaged(blob);
        }

        @Override
        public void beginRamSection(SectionHeader header) {}

        @Override
        public void endRamSection(SectionHeader header) {}

        @Override
        public void section(Section section) throws IOException {
            throw new IOException("a section outside the package: " + section.name());
        }

        @Override
        public void endOfStream() {}

        @Override
        public void vmdescription(byte[] json) throws IOException {
            throw new IOException("a vmdescription");
        }

        @Override
        public void blockList(RamBlockList list) {
            layout = list.layout();
            for (RamBlockList.Entry entry : list.entries()) {
                RamBlock block = entry.block();
                memory.add(new byte[(int) block.lengthBytes()]);
                received.add(new PageBitmap(block.pages()));
                hostPageBytes.add(entry.pageSizeBytes().orElse(Page.SIZE_BYTES));
            }
        }

        @Override
        public void zeroPage(int blockIndex, long offsetBytes, boolean continued) throws IOException {
            place(blockIndex, offsetBytes, null);
        }

        @Override
        public void page(int blockIndex, long offsetBytes, boolean continued, MemorySegment content)
                throws IOException {
            place(blockIndex, offsetBytes, content);
        }

        @Override
        public void xbzrlePage(int blockIndex, long offsetBytes, boolean continued, MemorySegment delta)
                throws IOException {
            if (running) {
                throw new IOException("a difference in postcopy");
            }
            MemorySegment page = MemorySegment.ofArray(memory.get(blockIndex)).asSlice(offsetBytes, Page.SIZE_BYTES);
            try {
                Xbzrle.decode(delta, page);
            } catch (PageDecodingException e) {
                throw new IOException(e);
            }
        }

        @Override
        public void compressedPage(int blockIndex, long offsetBytes, boolean continued, MemorySegment zlib)
                throws IOException {
            throw new IOException("a compressed page");
        }

        @Override
        public void hook(long offsetBytes) {}

        @Override
        public void multifdFlush() {}

        @Override
        public void endOfRecords() {}
    }
}
