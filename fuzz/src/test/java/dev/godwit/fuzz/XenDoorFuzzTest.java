package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.engine.Progress;
import dev.godwit.qemu.vmstate.DeviceFields;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.StatedFormat;
import dev.godwit.snapshot.export.XenExport;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;

/** Saved domains, opened as snapshots and written again: anything but that or an IOException is a finding. */
class XenDoorFuzzTest {

    private static final Path FILE;

    static {
        try {
            FILE = TemporaryFile.create("domain");
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The first byte says what the rest is taken for, and what it is to become. */
    @FuzzTest(maxDuration = "60s")
    void any_domain_is_opened_and_written_or_refused(byte[] bytes) throws Exception {
        if (bytes.length == 0) {
            return;
        }
        StatedFormat[] formats = StatedFormat.values();
        StatedFormat from = formats[(bytes[0] & 0xf) % formats.length];
        StatedFormat to = formats[1 + (bytes[0] >> 4 & 0xf) % (formats.length - 1)];
        Files.write(FILE, Arrays.copyOfRange(bytes, 1, bytes.length));
        try (Snapshot domain = Snapshot.open(FILE, 0, from, Progress.NONE)) {
            DeviceFields.of(domain.vmState());
            new XenExport(to, Set.of(), Progress.NONE)
                    .write(domain, domain.vmState(), Channels.newChannel(OutputStream.nullOutputStream()));
        } catch (IOException _) {
            // refused, as it may be
        }
    }
}
