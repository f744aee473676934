package dev.godwit.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.godwit.operations.machine.GuestHost;
import dev.godwit.qmp.server.QmpServer;
import dev.godwit.workload.WorkloadLoad;
import dev.godwit.workload.WorkloadMachine;
import dev.godwit.workload.WorkloadOptions;
import dev.godwit.workload.WorkloadPattern;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a client says to the control socket of a machine: it is answered, line by line, and the machine goes on. An
 * answer that tells of a defect, a connection that is not closed, or a machine that cannot be asked afterwards is a
 * finding. Addresses are left out: a client may have the machine connect to anywhere, and run any program.
 */
class QmpServerFuzzTest {

    private static final String NEGOTIATION = "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}";
    private static final byte[] ADDRESS = "uri".getBytes(StandardCharsets.UTF_8);
    private static final byte[] CHANNELS = "channels".getBytes(StandardCharsets.UTF_8);

    /** How the server begins to speak of its own mistakes. */
    private static final String DEFECT = "a defect in godwit";

    private static final Path SOCKET;

    static {
        try {
            SOCKET = TemporaryFile.create("qmp-server");
            ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
            listener.bind(UnixDomainSocketAddress.of(SOCKET));
            WorkloadMachine machine = WorkloadMachine.create(
                    WorkloadOptions.ofRam(1 << 20).withLoad(WorkloadLoad.of(0, WorkloadPattern.RANDOM)));
            QmpServer.serve(listener, new GuestHost(machine, Optional.empty(), false), "fuzzed", List.of());
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @FuzzTest(maxDuration = "60s")
    void a_client_says(byte[] said) throws IOException {
        if (contains(said, ADDRESS) || contains(said, CHANNELS) || contains(said, new byte[] {'\\', 'u'})) {
            return;
        }
        if (contains(said, DEFECT.getBytes(StandardCharsets.UTF_8))) {
            return; // refusals repeat what was said
        }
        String answers = talk(said);
        if (answers.contains(DEFECT)) {
            throw new AssertionError(answers);
        }
        String after =
                talk("{\"execute\":\"query-migrate-parameters\",\"id\":\"after\"}\n".getBytes(StandardCharsets.UTF_8));
        if (!after.contains("\"id\":\"after\"")) {
            throw new AssertionError("the machine answers no more: " + after);
        }
    }

    private static String talk(byte[] said) throws IOException {
        try (SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            client.connect(UnixDomainSocketAddress.of(SOCKET));
            write(client, (NEGOTIATION + "\n").getBytes(StandardCharsets.UTF_8));
            Thread writer = Thread.ofVirtual().start(() -> writeAndEnd(client, said));
            ByteArrayOutputStream answers = new ByteArrayOutputStream();
            ByteBuffer piece = ByteBuffer.allocate(1 << 14);
            while (client.read(piece.clear()) >= 0) {
                answers.write(piece.array(), 0, piece.position());
            }
            writer.interrupt();
            return answers.toString(StandardCharsets.UTF_8);
        }
    }

    @SuppressWarnings("EmptyCatch") // the server may have hung up by then
    private static void writeAndEnd(SocketChannel client, byte[] said) {
        try {
            write(client, said);
            client.shutdownOutput();
        } catch (IOException _) {
            // what it did not hear, it did not need
        }
    }

    private static void write(SocketChannel client, byte[] bytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            client.write(buffer);
        }
    }

    private static boolean contains(byte[] text, byte[] part) {
        for (int at = 0; at + part.length <= text.length; at++) {
            if (Arrays.equals(text, at, at + part.length, part, 0, part.length)) {
                return true;
            }
        }
        return false;
    }
}
