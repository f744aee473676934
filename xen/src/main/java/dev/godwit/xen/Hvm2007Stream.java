package dev.godwit.xen;

import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.OutgoingStream;
import dev.godwit.engine.precopy.PrecopyPolicy;
import dev.godwit.engine.precopy.ReturnPathListener;
import dev.godwit.engine.precopy.TransferCounters;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.Page;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.WritableByteChannel;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.LongPredicate;

/**
 * A live machine as the stream of Xen's saver of April 2007: the codec, with the saver's rules as the engine's policy
 * ({@link Hvm2007Policy}). The layout of the stream is at {@link Hvm2007Reader}.
 *
 * <p>A batch is read from memory when it is full, or its round is over. What the format has no place for goes into the
 * device model's part, which xend kept behind the stream.
 */
public final class Hvm2007Stream implements OutgoingStream {

    /** What is beside the frames of a guest that stands still. */
    public interface Rest {
        /**
         * {@return what the device model's part is to hold: the devices, and the RAM that no frame shows}
         *
         * @param before how the guest was before it was stopped
         */
        MemorySegment of(MachineState state, RunStatus before) throws IOException;
    }

    private final GuestMemory memory;
    private final Hvm2007Policy policy;
    private final WordSize words;
    private final boolean debug;
    private final int vcpus;
    private final WritableByteChannel channel;
    private final Rest rest;
    private final ImageOutput output;
    private final Hvm2007Writer writer;
    private LongPredicate unmappable = _ -> false;
    private final long[] batch = new long[Hvm2007Reader.MAX_BATCH];
    private int batchLength;
    private long sentPages;

    /**
     * A stream that has not begun.
     *
     * @param memory of the machine
     * @param policy over the same memory
     * @param settings how wide words are, and whether all is sent again at the end, to be compared
     * @param vcpus how many the machine has
     * @param channel in blocking mode; closed by this stream
     * @param rest is asked once, when the guest stands still
     */
    public Hvm2007Stream(
            GuestMemory memory,
            Hvm2007Policy policy,
            Hvm2007Settings settings,
            int vcpus,
            WritableByteChannel channel,
            Rest rest) {
        this.memory = memory;
        this.policy = policy;
        this.words = settings.words();
        this.debug = settings.debug();
        this.vcpus = vcpus;
        this.channel = channel;
        this.rest = rest;
        this.output = new ImageOutput(channel);
        this.writer = new Hvm2007Writer(output, words);
    }

    /** Sets which frames a hypervisor cannot map when they are to be read: they are named, and have no content. */
    public Hvm2007Stream unmappable(LongPredicate frames) {
        unmappable = frames;
        return this;
    }

    @Override
    public Optional<PrecopyPolicy> policy() {
        return Optional.of(policy.rules());
    }

    @Override
    public void start(ReturnPathListener listener) throws IOException {
        writer.maxPfn(policy.space().maxPfn());
    }

    @Override
    public boolean hasReturnPath() {
        return false;
    }

    @Override
    public void beginPass(long pass) {}

    @Override
    public void beginPart() {}

    @Override
    public void pages(int blockIndex, long firstPage, long pages) throws IOException {
        for (long page = firstPage; page < firstPage + pages; page++) {
            frame(policy.map().frame(blockIndex, page));
        }
    }

    private void frame(long frame) throws IOException {
        batch[batchLength++] = frame;
        if (batchLength == batch.length) {
            endBatch();
        }
    }

    private void endBatch() throws IOException {
        if (batchLength == 0) {
            return;
        }
        long[] entries = Arrays.copyOf(batch, batchLength);
        for (int i = 0; i < entries.length; i++) {
            entries[i] |= unmappable.test(entries[i]) ? Hvm2007Visitor.NO_CONTENT : 0;
        }
        writer.batch(entries);
        FrameMap map = policy.map();
        for (long frame : entries) {
            if ((frame & Hvm2007Visitor.NO_CONTENT) == 0) {
                MemorySegment block = memory.block(map.block(frame));
                writer.page(frame, block.asSlice(map.page(frame) * Page.SIZE_BYTES, Page.SIZE_BYTES));
            }
        }
        sentPages += batchLength;
        batchLength = 0;
    }

    @Override
    public void endOfRound() throws IOException {
        endBatch();
    }

    @Override
    public void endPart() {}

    @Override
    public void switchover() {}

    @Override
    public void beginLast() {}

    @Override
    public void endLast() throws IOException {
        endBatch();
        if (debug) {
            writer.verify();
            for (long position = 0; position < policy.space().frames(); position++) {
                long frame = policy.frameAt(position);
                if (policy.map().block(frame) >= 0) {
                    frame(frame);
                }
            }
            endBatch();
        }
    }

    /** The contexts of vCPUs say that they are there, and no more: the registers are among the devices. */
    @Override
    public void devices(MachineState state, RunStatus before) throws IOException {
        writer.vcpus(vcpus);
        for (int vcpu = 0; vcpu < vcpus; vcpu++) {
            writer.vcpu(words.emptyVcpuContext());
        }
        writer.hvmContext(StreamRecord.emptyHvmContext().body());
        writer.deviceModel(rest.of(state, before));
    }

    @Override
    public void end() throws IOException {
        output.flush();
    }

    @Override
    public long transferredBytes() {
        return output.positionBytes();
    }

    @Override
    public TransferCounters counters() {
        return new TransferCounters(output.positionBytes(), 0, sentPages, 0, Optional.empty());
    }

    @Override
    public void endOutput() {}

    @Override
    @SuppressWarnings("EmptyCatch") // it is given up, for a reason that is told
    public void abort() {
        try {
            channel.close();
        } catch (IOException _) {
            // see above
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
