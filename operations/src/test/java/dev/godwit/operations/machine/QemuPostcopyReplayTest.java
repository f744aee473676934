package dev.godwit.operations.machine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.engine.machine.DeviceState;
import dev.godwit.engine.migration.MigrationCapability;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.host.PostcopySupport;
import dev.godwit.host.RamBacking;
import dev.godwit.host.RamOptions;
import dev.godwit.host.UserfaultfdRam;
import dev.godwit.qemu.ByteInput;
import dev.godwit.qemu.Configuration;
import dev.godwit.qemu.StreamOptions;
import dev.godwit.qemu.StreamReader;
import dev.godwit.qemu.StreamVisitor;
import dev.godwit.qemu.vmstate.MachinePackage;
import dev.godwit.qmp.JsonArray;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import dev.godwit.testkit.Await;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What stock QEMUs sent in postcopy brings a machine of ours to the same memory, page faults of its vCPUs included. */
@Timeout(300)
class QemuPostcopyReplayTest {

    private static final Path CAPTURES = Path.of("..", "qemu", "src", "test", "resources", "captures");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "postcopy-first, postcopy-first, false, ANONYMOUS",
        "postcopy-mid, postcopy-mid, false, MEMFD",
        "postcopy-preempt, postcopy-preempt, true, ANONYMOUS",
        "postcopy-preempt-72to10, postcopy-preempt-72to10, true, MEMFD",
        "postcopy-preempt-10to72, postcopy-preempt-10to72, true, ANONYMOUS",
        "postcopy-recover, postcopy-recover-a postcopy-recover-b, false, ANONYMOUS",
        "postcopy-preempt-recover, postcopy-preempt-recover-a postcopy-preempt-recover-b, true, MEMFD",
        "postcopy-hugepages, postcopy-hugepages, false, HUGETLB_2M"
    })
    void a_captured_session_brings_the_same_memory(String name, String sessions, boolean preempt, RamBacking backing)
            throws Exception {
        List<String> refusals = PostcopySupport.of(backing, false).refusals();
        assumeTrue(refusals.isEmpty(), "no postcopy on " + backing + " here: " + refusals);
        JsonObject ram = manifest(name).object("ram").orElseThrow();
        String[] parts = sessions.split(" ", -1);
        CapturedMachine machine = machine(parts[0], ram, backing);
        try (GuestHost host =
                new GuestHost(machine, Optional.empty(), true, Optional.of(new UserfaultfdRam(machine.ram(), false)))) {
            host.setCapabilities(
                    Map.of(MigrationCapability.POSTCOPY_RAM, true, MigrationCapability.POSTCOPY_PREEMPT, preempt));
            for (int part = 0; part < parts.length; part++) {
                Path socket = folder.resolve("part" + part);
                if (part == 0) {
                    host.migrateIncoming("unix:" + socket, false);
                } else {
                    Await.until("a pause", () -> host.migration().status() == MigrationStatus.POSTCOPY_PAUSED);
                    host.migrateRecover("unix:" + socket);
                }
                replay(parts[part], socket, preempt);
            }
            Await.until("the end", () -> !host.migration().status().isUnderWay());
            assertThat(host.migration().errorDescription()).isEmpty();
            assertThat(host.migration().status()).isEqualTo(MigrationStatus.COMPLETED);
            machine.awaitTouched();
            assertThat(machine.loadedDevices).isGreaterThan(10);
            for (int block = 0; block < machine.memory().blocks().size(); block++) {
                String id = machine.memory().layout().block(block).id();
                assertThat(sha256(machine.memory().block(block).asByteBuffer()))
                        .as(id)
                        .isEqualTo(ram.object(id).orElseThrow().text("sha256").orElseThrow());
            }
        }
    }

    /** Sends what QEMU sent, and hears the answers until the destination hangs up, or hangs up itself after a cut. */
    private static void replay(String session, Path socket, boolean preempt) throws Exception {
        try (SocketChannel main = connect(socket)) {
            ByteBuffer forward = ByteBuffer.wrap(capture(session + ".conn0.fwd"));
            Thread answers = Thread.ofVirtual().start(() -> hear(main));
            if (!preempt) {
                write(main, forward);
            } else {
                try (SocketChannel second = connect(socket)) {
                    Path pages = CAPTURES.resolve(session + ".conn1.fwd.gz");
                    ByteBuffer asked =
                            ByteBuffer.wrap(Files.exists(pages) ? capture(session + ".conn1.fwd") : new byte[0]);
                    Thread other = Thread.ofVirtual().start(() -> write(second, asked));
                    write(main, forward);
                    other.join();
                    second.shutdownOutput();
                    main.shutdownOutput();
                    answers.join();
                }
            }
            if (main.isOpen() && !preempt) {
                main.shutdownOutput();
            }
            answers.join();
        }
    }

    private static SocketChannel connect(Path socket) throws IOException {
        return SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }

    private static void write(SocketChannel channel, ByteBuffer bytes) {
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("EmptyCatch") // the end of a connection that broke
    private static void hear(SocketChannel channel) {
        ByteBuffer answer = ByteBuffer.allocate(1 << 16);
        try {
            while (channel.read(answer.clear()) >= 0) {
                // what it says depends on who was quicker
            }
        } catch (IOException _) {
            // see above
        }
    }

    private static CapturedMachine machine(String session, JsonObject ram, RamBacking backing) throws Exception {
        List<RamBlock> blocks = new ArrayList<>();
        for (Map.Entry<String, JsonValue> block : ram.members().entrySet()) {
            blocks.add(new RamBlock(
                    block.getKey(),
                    ram.object(block.getKey())
                            .orElseThrow()
                            .wholeNumber("used_length")
                            .orElseThrow()));
        }
        Found found = new Found();
        StreamVisitor visitor = (StreamVisitor) Proxy.newProxyInstance(
                QemuPostcopyReplayTest.class.getClassLoader(),
                new Class<?>[] {StreamVisitor.class},
                (_, method, all) -> {
                    if (method.getName().equals("configuration")) {
                        found.type = ((Configuration) all[0]).machineType();
                    } else if (method.getName().equals("packaged")) {
                        found.devices =
                                MachinePackage.read((byte[]) all[0]).state().devices();
                    }
                    return null;
                });
        byte[] forward = capture(session + ".conn0.fwd");
        try {
            new StreamReader(
                            ByteInput.of(forward),
                            StreamOptions.STAYS_OPEN.withHugePageBlocks(
                                    backing == RamBacking.HUGETLB_2M ? Set.of("m0") : Set.of()),
                            visitor)
                    .read();
        } catch (IOException e) {
            assertThat(found.devices).as(e.toString()).isNotEmpty(); // it was cut
        }
        try {
            return new CapturedMachine(found.type, found.devices, new RamLayout(blocks), RamOptions.of(backing));
        } catch (IOException e) {
            assumeTrue(backing != RamBacking.HUGETLB_2M, "no huge pages are lent: " + e.getMessage());
            throw e;
        }
    }

    private static final class Found {
        String type = "";
        List<DeviceState> devices = List.of();
    }

    private static JsonObject manifest(String name) throws Exception {
        JsonArray all = (JsonArray) JsonValue.parse(Files.readString(CAPTURES.resolve("manifest.json"), UTF_8));
        return all.elements().stream()
                .map(JsonObject.class::cast)
                .filter(one -> one.text("name").equals(Optional.of(name)))
                .findFirst()
                .orElseThrow();
    }

    private static byte[] capture(String name) throws IOException {
        try (InputStream packed = new GZIPInputStream(Files.newInputStream(CAPTURES.resolve(name + ".gz")))) {
            return packed.readAllBytes();
        }
    }

    private static String sha256(ByteBuffer bytes) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        digest.update(bytes);
        return HexFormat.of().formatHex(digest.digest());
    }
}
