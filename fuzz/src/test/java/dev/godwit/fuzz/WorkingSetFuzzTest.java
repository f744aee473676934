package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.engine.postcopy.PagePlace;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.WorkingSet;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/** Recordings of first touches beside a snapshot: anything but an answer or an IOException is a finding. */
class WorkingSetFuzzTest {

    private static final Path FILE;
    private static final Path RECORDING;
    private static final byte[] WHOLE;

    static {
        try {
            FILE = TemporaryFile.create("snapshot");
            RECORDING = WorkingSet.pathFor(FILE);
            RECORDING.toFile().deleteOnExit();
            Files.write(FILE, new SampleSnapshot().damaged(new byte[0]));
            try (Snapshot snapshot = Snapshot.open(FILE)) {
                new WorkingSet(List.of(new PagePlace(0, 5), new PagePlace(1, 1), new PagePlace(0, 0))).keep(snapshot);
            }
            WHOLE = Files.readAllBytes(RECORDING);
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @FuzzTest
    void an_arbitrary_recording(byte[] content) throws Exception {
        use(content);
    }

    /**
     * A recording of the snapshot, damaged, whose checksum is right.
     *
     * <pre>
     * again and again   u8 where, u8 what to put there; in the end u16 by how much it is cut or lengthened
     * </pre>
     */
    @FuzzTest
    void a_damaged_recording(byte[] damage) throws Exception {
        ByteBuffer orders = ByteBuffer.wrap(damage);
        byte[] changed = WHOLE.clone();
        while (orders.remaining() >= 4) {
            changed[(orders.get() & 0xff) % changed.length] = orders.get();
        }
        int length = orders.remaining() >= 2 ? (orders.getShort() & 0xffff) % (2 * WHOLE.length) : WHOLE.length;
        ByteBuffer file = ByteBuffer.allocate(length);
        file.put(changed, 0, Math.min(length, changed.length));
        if (length >= Integer.BYTES) {
            CRC32C crc = new CRC32C();
            crc.update(file.array(), 0, length - Integer.BYTES);
            file.putInt(length - Integer.BYTES, (int) crc.getValue());
        }
        use(file.array());
    }

    private static void use(byte[] content) throws Exception {
        Files.write(RECORDING, content);
        try (Snapshot snapshot = Snapshot.open(FILE)) {
            Optional<WorkingSet> recording;
            try {
                recording = WorkingSet.of(snapshot);
            } catch (IOException _) {
                return; // refused, as it may be
            }
            for (PagePlace place : recording.map(WorkingSet::pages).orElse(List.of())) {
                if (place.page() < 0
                        || place.page()
                                >= snapshot.layout().block(place.blockIndex()).pages()) {
                    throw new AssertionError("a page outside of its block: " + place);
                }
            }
            WorkingSet union = recording.orElse(new WorkingSet(List.of())).and(List.of(new PagePlace(0, 5)));
            if (new LinkedHashSet<>(union.pages()).size() != union.pages().size()) {
                throw new AssertionError("a page twice: " + union);
            }
        }
    }
}
