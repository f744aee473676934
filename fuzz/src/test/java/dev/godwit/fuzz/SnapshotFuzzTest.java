package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.engine.Progress;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.SnapshotDifference;
import dev.godwit.snapshot.Verification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Snapshot files, opened, verified and compared: anything but an answer or an IOException is a finding. */
class SnapshotFuzzTest {

    private static final int MAX_RANGES = 100;

    private static final Path FILE;
    private static final SampleSnapshot SAMPLE;

    static {
        try {
            FILE = TemporaryFile.create("snapshot");
            SAMPLE = new SampleSnapshot();
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @FuzzTest
    void an_arbitrary_file(byte[] packed) throws Exception {
        use(SparseBytes.expand(packed));
    }

    @FuzzTest
    void a_damaged_snapshot(byte[] damage) throws Exception {
        use(SAMPLE.damaged(damage));
    }

    private static void use(byte[] content) throws Exception {
        Files.write(FILE, content);
        try {
            Verification.of(FILE, Progress.NONE);
        } catch (IOException _) {
            // refused, as it may be
        }
        try (Snapshot first = Snapshot.open(FILE);
                Snapshot second = Snapshot.open(FILE)) {
            SnapshotDifference difference = SnapshotDifference.between(
                    first, first.vmState(), second, second.vmState(), MAX_RANGES, Progress.NONE);
            if (!difference.isEmpty()) {
                throw new AssertionError("a file that differs from itself: " + difference);
            }
            MachineMemoryMap.of(first.vmState().configuration().machineType(), first.layout());
            DeviceFields.of(first.vmState());
        } catch (IOException _) {
            // refused, as it may be
        }
    }
}
