package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.QemuMonitor;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Godwit may be killed at any moment of a restore, and at each of them its session is in one place. */
@Timeout(60)
class PostcopySessionTest {

    private static final Pattern ID = Pattern.compile("\"id\": *(\\d+)");

    @TempDir
    private Path folder;

    private final Set<Path> before = new TreeSet<>();
    private QmpAddress.Unix address;
    private ServerSocketChannel listener;

    /** Answers whatever it is told with nothing, to one after the other. */
    @BeforeEach
    void start_a_control_socket() throws IOException {
        before.addAll(PrivateFolder.all());
        address = new QmpAddress.Unix(folder.resolve("qmp"));
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(address.path()));
        Thread.ofPlatform().daemon().name("control-socket").start(() -> {
            while (listener.isOpen()) {
                serveOne();
            }
        });
    }

    private void serveOne() {
        try (SocketChannel channel = listener.accept();
                BufferedReader lines = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8))) {
            say(channel, "{\"QMP\":{\"version\":{},\"capabilities\":[]}}");
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Matcher id = ID.matcher(line);
                assertThat(id.find()).as(line).isTrue();
                say(channel, "{\"return\":{},\"id\":" + id.group(1) + "}");
            }
        } catch (IOException _) {
            // the test has ended, or one of its clients
        }
    }

    private static void say(SocketChannel channel, String line) throws IOException {
        channel.write(ByteBuffer.wrap((line + "\r\n").getBytes(StandardCharsets.UTF_8)));
    }

    @AfterEach
    void stop() throws IOException {
        listener.close();
    }

    private Set<Path> made() throws IOException {
        Set<Path> made = new TreeSet<>(PrivateFolder.all());
        made.removeAll(before);
        return made;
    }

    /** As a restore leaves it that is killed. */
    private Path sessionOfOneThatWasKilled(String... names) throws IOException {
        PrivateFolder left = new PrivateFolder(Optional.empty());
        Map<String, Boolean> capabilities = new TreeMap<>();
        for (String name : names) {
            capabilities.put(name, true);
        }
        try (QmpClient qmp = QmpClient.connect(address)) {
            PostcopySession.keep(
                    left, address, new QemuSettings(new QemuMonitor(qmp), capabilities, JsonObject.empty()));
        }
        Files.createFile(left.resolve("migration1.sock"));
        return left.resolve(".").normalize();
    }

    @Test
    void a_session_that_is_taken_up_stays_where_it_is() throws IOException {
        Path session = sessionOfOneThatWasKilled("xbzrle");

        try (DeferredQemu killed = new DeferredQemu(QmpClient.connect(address))) {
            assertThat(made()).as("before it is taken up").containsExactly(session);
            killed.takeUpSession();
            assertThat(made()).as("after").containsExactly(session);
            assertThat(session).isDirectoryNotContaining("glob:**.sock").isDirectoryContaining("glob:**session.json");
            assertThat(killed.nextUri().toString()).startsWith("unix:" + session);
            assertThat(made()).as("when it has an address").containsExactly(session);
            killed.leaveSession();
        }

        try (DeferredQemu last = new DeferredQemu(QmpClient.connect(address))) {
            last.takeUpSession();
            assertThat(made()).containsExactly(session);
        }
        assertThat(made()).as("after the last").isEmpty();
    }

    @Test
    void of_several_the_newest_is_taken_up_and_the_others_go() throws IOException {
        Path oldest = sessionOfOneThatWasKilled("xbzrle");
        Path newest = sessionOfOneThatWasKilled("multifd");
        Files.setLastModifiedTime(oldest.resolve("session.json"), FileTime.fromMillis(1_000_000_000_000L));

        try (QmpClient qmp = QmpClient.connect(address)) {
            PostcopySession.Kept kept =
                    PostcopySession.takeUp(address, new QemuMonitor(qmp)).orElseThrow();
            assertThat(kept.settings().capabilities()).isEqualTo(Map.of("multifd", true));
            assertThat(made()).containsExactly(newest);
            kept.folder().close();
        }
        assertThat(made()).isEmpty();
    }

    @Test
    void one_that_nobody_resumes_is_forgotten_and_those_of_other_qemus_are_not() throws IOException {
        Path session = sessionOfOneThatWasKilled("xbzrle");

        PostcopySession.forget(new QmpAddress.Unix(folder.resolve("another")));
        assertThat(made()).containsExactly(session);
        PostcopySession.forget(address);
        assertThat(made()).isEmpty();
    }

    @Test
    void a_qemu_that_is_only_asked_gets_no_folder() throws IOException {
        try (DeferredQemu qemu = new DeferredQemu(QmpClient.connect(address))) {
            qemu.takeUpSession();
            assertThat(made()).isEmpty();
        }
    }
}
