package dev.godwit.snapshot;

import dev.godwit.engine.PageLane;
import dev.godwit.engine.RamSource;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;

/** The captured files of real QEMUs, unpacked with their holes, and what is known of them. */
final class Captures {

    /** SHA-256 of the 64 MiB of {@code pc.ram} in every capture of the idle pc guest, from the captures' manifest. */
    static final String PC_RAM_SHA256 = "a92a0cbf472b2539943cb27666a9822c9cd535fd502881f827ddc8387d2a9f44";

    static final CreationFacts FACTS =
            new CreationFacts(Instant.parse("2026-11-21T12:00:00.123Z"), "0.1.0", "10.0.2", "receive", "a test");

    private Captures() {}

    static Path unpack(String name, Path folder) throws IOException {
        Path target = folder.resolve(name + ".mig");
        try (InputStream packed =
                        Files.newInputStream(Path.of("../qemu/src/test/resources/captures", name + ".mig.gz"));
                InputStream input = new GZIPInputStream(packed)) {
            writeSparse(input, target);
        }
        return target;
    }

    private static void writeSparse(InputStream input, Path target) throws IOException {
        try (FileChannel output = FileChannel.open(
                target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            long at = 0;
            while (true) {
                byte[] piece = input.readNBytes(Page.SIZE_BYTES);
                if (piece.length == 0) {
                    break;
                }
                if (!isZero(piece)) {
                    output.write(ByteBuffer.wrap(piece), at);
                }
                at += piece.length;
            }
            if (output.size() < at) {
                output.write(ByteBuffer.wrap(new byte[1]), at - 1);
            }
        }
    }

    private static boolean isZero(byte[] bytes) {
        for (byte b : bytes) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    /** {@return a capture as Godwit's own file} */
    static Path rewritten(String name, Path folder) throws IOException {
        Path file = folder.resolve("snap");
        try (Snapshot source = Snapshot.open(unpack(name, folder))) {
            rewrite(source, file);
        }
        return file;
    }

    /** Copies RAM and state of one snapshot into a new one, page by page. */
    static void rewrite(Snapshot source, Path target) throws IOException {
        try (SnapshotWriter writer = SnapshotWriter.create(target, SnapshotOptions.DEFAULT)) {
            writer.begin(source.layout());
            copyPages(source, writer.lane());
            writer.commit(source.vmState(), FACTS);
        }
    }

    static void copyPages(RamSource source, PageLane lane) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece = arena.allocate(1 << 20, Page.SIZE_BYTES);
            for (int index = 0; index < source.layout().blocks().size(); index++) {
                RamBlock block = source.layout().block(index);
                for (long at = 0; at < block.lengthBytes(); at += piece.byteSize()) {
                    MemorySegment part = piece.asSlice(0, Math.min(piece.byteSize(), block.lengthBytes() - at));
                    source.read(index, at, part);
                    lane.pages(index, at, part);
                }
            }
        }
        lane.flush();
    }

    static String sha256(RamSource source, String blockId) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        int index = source.layout().indexOf(blockId);
        long lengthBytes = source.layout().block(index).lengthBytes();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece = arena.allocate(Math.min(1 << 20, lengthBytes));
            for (long at = 0; at < lengthBytes; at += piece.byteSize()) {
                source.read(index, at, piece);
                digest.update(piece.asByteBuffer());
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    static void copy(Path from, Path to) throws IOException {
        try (InputStream input = Files.newInputStream(from)) {
            writeSparse(input, to);
        }
    }
}
