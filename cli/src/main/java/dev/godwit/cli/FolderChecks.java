package dev.godwit.cli;

import dev.godwit.linux.LinuxException;
import dev.godwit.linux.OpenFile;
import dev.godwit.linux.OpenFlag;
import dev.godwit.transport.ByteSize;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** What the doctor finds out about the folder for snapshots; it leaves nothing there. */
final class FolderChecks {

    private static final long PROBE_BYTES = 1 << 20;

    private FolderChecks() {}

    static List<Finding> of(Path folder) throws IOException {
        Path absolute = folder.toAbsolutePath().normalize();
        FileStore store = Files.getFileStore(absolute);
        List<Finding> findings = new ArrayList<>();
        findings.add(Finding.ok(
                "disk",
                absolute + ": " + ByteSize.format(store.getUsableSpace()) + " free of "
                        + ByteSize.format(store.getTotalSpace()) + ", " + store.type()));
        Path probe = absolute.resolve(".godwit-doctor-" + UUID.randomUUID());
        try (OpenFile file = OpenFile.open(probe, OpenFlag.CREATE_NEW)) {
            findings.add(holes(file));
            findings.add(direct(probe));
        } catch (LinuxException e) {
            findings.add(Finding.missing(
                    "disk.writable",
                    "no file can be made in " + absolute + ": " + e.errno(),
                    "choose another --folder"));
        } finally {
            Files.deleteIfExists(probe);
        }
        return findings;
    }

    private static Finding holes(OpenFile file) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment content = arena.allocate(PROBE_BYTES, 4096).fill((byte) 1);
            file.write(0, content);
            long beforeBytes = file.status().allocatedBytes();
            try {
                file.punchHole(0, PROBE_BYTES / 2);
            } catch (LinuxException e) {
                return withoutHoles("hole punching: " + e.errno());
            }
            return beforeBytes > 0 && file.status().allocatedBytes() >= beforeBytes
                    ? withoutHoles("hole punching frees nothing")
                    : Finding.ok("disk.holes", "hole punching works: runs of zero pages cost nothing");
        }
    }

    private static Finding withoutHoles(String text) {
        return Finding.limited(
                "disk.holes", text + "; snapshots take more room", "keep snapshots on ext4, xfs, btrfs or tmpfs");
    }

    private static Finding direct(Path probe) {
        try (OpenFile _ = OpenFile.open(probe, OpenFlag.WRITE, OpenFlag.DIRECT)) {
            return Finding.ok("disk.direct", "direct I/O (O_DIRECT) works");
        } catch (LinuxException e) {
            return Finding.limited(
                    "disk.direct",
                    "direct I/O (O_DIRECT): " + e.errno() + "; everything goes through the page cache",
                    "keep snapshots on ext4, xfs or btrfs");
        }
    }
}
