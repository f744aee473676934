package dev.godwit.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.opentest4j.TestAbortedException;

/**
 * The programs that {@code bin/peers} set up. Whatever is asked for and missing ends the test as skipped; each reason
 * is printed once, and added to {@code .peers/skipped}, which {@code ./test} shows at its end.
 */
public final class Peers {

    private static final Path FOLDER = findFolder();
    private static final Set<String> SAID = ConcurrentHashMap.newKeySet();

    private Peers() {}

    /** {@return the QEMU of that release, or ends the test as skipped} */
    public static Path qemu(QemuVersion version) {
        return program(version.peer(), version.peer());
    }

    /** {@return the folder to put on {@code PYTHONPATH} for QEMU's own QMP clients, or ends the test as skipped} */
    public static Path pythonQmp() {
        Path library = file("python-qmp/qemu/qmp/__init__.py", "python-qmp");
        return library.resolve("../../..").normalize();
    }

    /** {@return Xen's checker of current streams, or ends the test as skipped} */
    public static Path xenVerifyStream() {
        return program("verify-stream-v2", "xen-checkers");
    }

    /** {@return Xen's converter of streams of old, or ends the test as skipped} */
    public static Path xenConvertLegacyStream() {
        return program("convert-legacy-stream", "xen-checkers");
    }

    /** {@return the guest's kernel, or ends the test as skipped} */
    public static Path kernel() {
        return file("vmlinuz", "linux-kernel");
    }

    /** {@return the guest's initramfs, or ends the test as skipped} */
    public static Path initramfs() {
        return file("initramfs", "guest");
    }

    /** {@return memtest86+ for 64 bits, which starts by the Linux boot protocol, or ends the test as skipped} */
    public static Path memtest86() {
        return file("memtest86+x64.bin", "memtest86");
    }

    private static Path program(String name, String peer) {
        return file("bin/" + name, peer);
    }

    private static Path file(String name, String peer) {
        Path file = FOLDER.resolve(name);
        String reason = reasonOf(peer);
        if (reason.isEmpty() && Files.isReadable(file)) {
            return file;
        }
        throw skipped(reason.isEmpty() ? peer + ": it is not set up; run bin/peers" : reason);
    }

    private static String reasonOf(String peer) {
        Path missing = FOLDER.resolve("missing");
        try {
            return (Files.exists(missing) ? Files.readAllLines(missing) : List.<String>of())
                    .stream()
                            .filter(line -> line.startsWith(peer + ":"))
                            .findFirst()
                            .orElse("");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static TestAbortedException skipped(String reason) {
        if (SAID.add(reason)) {
            System.err.println("skipped, for want of " + reason);
            try {
                Files.createDirectories(FOLDER);
                Files.writeString(
                        FOLDER.resolve("skipped"), reason + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return new TestAbortedException("skipped, for want of " + reason);
    }

    private static Path findFolder() {
        String set = System.getenv("GODWIT_PEERS");
        if (set != null && !set.isEmpty()) {
            return Path.of(set).toAbsolutePath();
        }
        Path working = Path.of("").toAbsolutePath();
        for (Path folder = working; folder != null; folder = folder.getParent()) {
            if (Files.exists(folder.resolve("bin/peers"))) {
                return folder.resolve(".peers");
            }
        }
        return working.resolve(".peers");
    }
}
