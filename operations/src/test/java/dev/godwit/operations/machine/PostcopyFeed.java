package dev.godwit.operations.machine;

import dev.godwit.engine.RamSource;
import dev.godwit.engine.machine.MachineState;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.postcopy.PageClaims;
import dev.godwit.engine.postcopy.PostcopyCounters;
import dev.godwit.engine.postcopy.PushOrder;
import dev.godwit.engine.postcopy.PushPace;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.OutgoingPostcopy;
import dev.godwit.qemu.VmState;
import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.qemu.vmstate.MachineSections;
import dev.godwit.ram.GuestMemory;
import dev.godwit.ram.PageBitmap;
import dev.godwit.ram.RamLayout;
import dev.godwit.transport.MigrationChannel;
import dev.godwit.transport.MigrationUri;
import dev.godwit.workload.WorkloadMachine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** The source of a postcopy: a machine that stands still, sent as a snapshot is. */
final class PostcopyFeed {

    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final GuestMemory memory;
    private final VmState state;
    private final String uri;
    private final boolean preempt;
    private long bytesPerSecond;

    PostcopyFeed(WorkloadMachine source, String uri, boolean preempt) {
        this(source.memory(), source.type(), source.save(), uri, preempt);
    }

    PostcopyFeed(GuestMemory memory, String type, MachineState devices, String uri, boolean preempt) {
        this.memory = memory;
        this.uri = uri;
        this.preempt = preempt;
        Configuration configuration = new Configuration(type, OptionalInt.empty(), List.of(), Optional.empty());
        this.state = new VmState(
                configuration,
                2,
                MachineSections.sections(MachinePackage.devices(configuration, devices, RunStatus.RUNNING), 3),
                Optional.empty());
    }

    /** Pushes no faster than that. */
    PostcopyFeed atMost(long limit) {
        bytesPerSecond = limit;
        return this;
    }

    /** Sends all of it. */
    void send() throws IOException {
        send(Long.MAX_VALUE);
    }

    /** Sends so many bytes of it at most, then the connection breaks. */
    void send(long cutAfterBytes) throws IOException {
        try (MigrationChannel channel = connect()) {
            outgoing().send(new Cut(channel, cutAfterBytes));
        }
    }

    /** Sends what is missing. */
    void resume(long cutAfterBytes) throws IOException {
        try (MigrationChannel channel = connect()) {
            outgoing().resume(new Cut(channel, cutAfterBytes));
        }
    }

    private MigrationChannel connect() throws IOException {
        return MigrationUri.parse(uri).connect(TIMEOUT);
    }

    private OutgoingPostcopy outgoing() {
        Ram ram = new Ram(memory);
        PageClaims claims = new PageClaims(ram, memory.hostPageBytes());
        PushPace pace = new PushPace();
        pace.maxBytesPerSecond(bytesPerSecond);
        OutgoingPostcopy outgoing = new OutgoingPostcopy(
                        ram, state, claims, PushOrder.faultForward(claims), new PostcopyCounters())
                .pace(pace);
        return preempt ? outgoing.preempt(this::connect, false) : outgoing;
    }

    private record Ram(GuestMemory memory) implements RamSource {

        @Override
        public RamLayout layout() {
            return memory.layout();
        }

        @Override
        public PageBitmap present(int blockIndex) {
            PageBitmap all = new PageBitmap(layout().block(blockIndex).pages());
            all.setAll();
            return all;
        }

        @Override
        public void read(int blockIndex, long offsetBytes, MemorySegment target) {
            MemorySegment.copy(memory.block(blockIndex), offsetBytes, target, 0, target.byteSize());
        }
    }

    /** A connection that breaks once so many bytes were sent. */
    private static final class Cut implements ReadableByteChannel, WritableByteChannel {

        private final MigrationChannel channel;
        private long leftBytes;

        Cut(MigrationChannel channel, long leftBytes) {
            this.channel = channel;
            this.leftBytes = leftBytes;
        }

        @Override
        public int read(ByteBuffer target) throws IOException {
            return channel.read(target);
        }

        @Override
        public int write(ByteBuffer source) throws IOException {
            if (leftBytes <= 0) {
                channel.close();
                throw new IOException("cut");
            }
            int limit = source.limit();
            source.limit((int) Math.min(limit, source.position() + leftBytes));
            try {
                int written = channel.write(source);
                leftBytes -= written;
                return written;
            } finally {
                source.limit(limit);
            }
        }

        @Override
        public boolean isOpen() {
            return channel.isOpen();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
