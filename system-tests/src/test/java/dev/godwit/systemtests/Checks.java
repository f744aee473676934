package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.Progress;
import dev.godwit.operations.Restore;
import dev.godwit.operations.RestoreOptions;
import dev.godwit.operations.RestoreOptions.Destination;
import dev.godwit.operations.RestoreResult;
import dev.godwit.qemu.vmstate.MachineMemoryMap;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.RunState;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.snapshot.VerificationReport;
import dev.godwit.testkit.Await;
import dev.godwit.testkit.Guest;
import dev.godwit.testkit.QemuProcess;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What several system tests look at. */
final class Checks {

    private static final long PIECE_BYTES = 1 << 20;

    private Checks() {}

    /** What Godwit may change for a while and has to put back. */
    record Settings(Map<String, Boolean> capabilities, JsonObject parameters, RunState state) {
        static Settings of(QemuProcess qemu) throws IOException {
            return qemu.withMonitor(monitor -> new Settings(
                    monitor.migrationCapabilities(), monitor.migrationParameters(), monitor.queryStatus()));
        }
    }

    static void assertWhole(Path file) throws Exception {
        VerificationReport report = Verification.of(file, Progress.NONE);
        assertThat(report.damages()).as("damages of %s", file).isEmpty();
        assertThat(report.scope()).isEqualTo(VerificationReport.Scope.EVERY_BYTE);
        assertThat(report.checkedPages()).isEqualTo(report.presentPages()).isPositive();
    }

    static RestoreResult restore(Path file, Destination destination) throws IOException {
        try (Restore restore = new Restore(new RestoreOptions(file, destination, 0), Progress.NONE)) {
            return restore.run();
        }
    }

    /** The guest goes on where it was, and all its memory is right. */
    static void assertGuestGoesOn(QemuProcess qemu, String checksum) throws InterruptedException {
        Guest.awaitVerified(qemu);
        assertThat(qemu.console().lines())
                .anyMatch(line -> line.startsWith("TICK ") && line.contains(" ok " + checksum + " "));
    }

    /** A stopped guest's memory, as QEMU itself writes it out, is that of the snapshot. */
    static void assertRamIsThatOf(QemuProcess qemu, Path file, long gpa, long lengthBytes) throws IOException {
        Path dump = pmemsave(qemu, gpa, lengthBytes);
        try (Snapshot snapshot = Snapshot.open(file);
                Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(dump)) {
            MachineMemoryMap map =
                    MachineMemoryMap.of(snapshot.vmState().configuration().machineType(), snapshot.layout());
            MemorySegment theirs = channel.map(FileChannel.MapMode.READ_ONLY, 0, lengthBytes, arena);
            MemorySegment ours = arena.allocate(PIECE_BYTES, 4096);
            for (long at = 0; at < lengthBytes; ) {
                MachineMemoryMap.Place place = map.place(gpa + at).orElseThrow();
                long bytes = Math.min(PIECE_BYTES - (gpa + at) % PIECE_BYTES, lengthBytes - at);
                MemorySegment piece = ours.asSlice(0, bytes);
                snapshot.read(place.blockIndex(), place.offsetBytes(), piece);
                assertThat(piece.mismatch(theirs.asSlice(at, bytes)))
                        .as("first difference from guest physical address 0x%x on, of %s", gpa + at, file)
                        .isEqualTo(-1);
                at += bytes;
            }
        } finally {
            Files.deleteIfExists(dump);
        }
    }

    /** All of a small pc's memory, but for what the chipset lays over it. */
    static void assertAllRamIsThatOf(QemuProcess qemu, Path file, int memoryMib) throws IOException {
        assertRamIsThatOf(qemu, file, 0, 0xa0000);
        assertRamIsThatOf(qemu, file, 0x100000, ((long) memoryMib << 20) - 0x100000);
    }

    /** A RAM block of the snapshot is this. */
    static void assertBlockIs(MemorySegment expected, Path file, String block) throws IOException {
        try (Snapshot snapshot = Snapshot.open(file);
                Arena arena = Arena.ofConfined()) {
            MemorySegment ours = arena.allocate(PIECE_BYTES, 4096);
            for (long at = 0; at < expected.byteSize(); at += PIECE_BYTES) {
                snapshot.read(snapshot.layout().indexOf(block), at, ours);
                assertThat(ours.mismatch(expected.asSlice(at, PIECE_BYTES)))
                        .as("first difference from what was sent of %s from 0x%x on, of %s", block, at, file)
                        .isEqualTo(-1);
            }
        }
    }

    /** {@return where a stopped guest's memory, as QEMU itself writes it out, is not this: from 1 MiB on} */
    static List<String> pagesThatDiffer(QemuProcess qemu, MemorySegment ram) throws IOException {
        Path dump = pmemsave(qemu, PIECE_BYTES, ram.byteSize() - PIECE_BYTES);
        List<String> pages = new ArrayList<>();
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(dump)) {
            MemorySegment theirs = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            for (long at = 0; at < theirs.byteSize(); at += 4096) {
                if (theirs.asSlice(at, 4096).mismatch(ram.asSlice(PIECE_BYTES + at, 4096)) >= 0) {
                    pages.add("0x" + Long.toHexString(PIECE_BYTES + at));
                }
            }
        } finally {
            Files.deleteIfExists(dump);
        }
        return pages;
    }

    private static Path pmemsave(QemuProcess qemu, long gpa, long lengthBytes) throws IOException {
        Path dump = qemu.folder().resolve("pmemsave");
        qemu.withMonitor(monitor -> monitor.client()
                .execute(
                        "pmemsave",
                        JsonObject.of("filename", dump.toString())
                                .with("val", gpa)
                                .with("size", lengthBytes)));
        return dump;
    }

    /** Waits for the end of a migration; returns QEMU's word for it. */
    static String awaitEnd(QemuProcess source) throws IOException {
        return source.withMonitor(monitor -> {
            Await.until(
                    "the end of the migration", () -> !monitor.queryMigrate().isUnderWay());
            return monitor.queryMigrate().status();
        });
    }
}
