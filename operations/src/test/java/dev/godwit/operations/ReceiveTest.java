package dev.godwit.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import dev.godwit.engine.Progress;
import dev.godwit.engine.StreamFormatException;
import dev.godwit.qemu.multifd.MultifdMethod;
import dev.godwit.snapshot.Snapshot;
import dev.godwit.snapshot.Verification;
import dev.godwit.transport.MigrationUri;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Receives what real QEMUs sent, and breaks it off in every way. */
@Timeout(60)
class ReceiveTest {

    private static final String PONG_1 = "0002000400000001";
    private static final String PONG_3 = "0002000400000003";
    private static final String SHUT_0 = "0001000400000000";
    private static final String SHUT_1 = "0001000400000001";

    @TempDir
    private Path folder = Path.of("");

    private Path file = Path.of("");
    private Path socket = Path.of("");
    private final CompletableFuture<MigrationUri> listening = new CompletableFuture<>();
    private final CompletableFuture<ReceiveResult> result = new CompletableFuture<>();
    private Receive receive = receive(0, MultifdMethod.NONE);

    @BeforeEach
    void names() throws Exception {
        file = folder.resolve("vm.gw");
        socket = folder.resolve("m.sock");
    }

    @AfterEach
    void nothing_is_left_but_the_snapshot() throws Exception {
        receive.close();
        try (var files = Files.list(folder)) {
            assertThat(files.map(Path::getFileName).map(Path::toString)).isSubsetOf("vm.gw");
        }
    }

    private Receive receive(int channels, MultifdMethod method) {
        return new Receive(
                new ReceiveOptions(file, new MigrationUri.Unix(socket), channels, method, false),
                Progress.NONE,
                listening::complete);
    }

    private void start(int channels, MultifdMethod method) throws Exception {
        receive = receive(channels, method);
        Thread.ofPlatform().start(() -> {
            try {
                result.complete(receive.run());
            } catch (MigrationException e) {
                listening.completeExceptionally(e);
                result.completeExceptionally(e);
            }
        });
        listening.get(30, TimeUnit.SECONDS);
    }

    private MigrationException failure() throws Exception {
        try {
            result.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof MigrationException failure) {
                return failure;
            }
            throw e;
        }
        throw new AssertionError("it succeeded");
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    @Test
    void a_source_with_a_return_path_is_told_of_success_when_the_file_is_there() throws Exception {
        byte[] capture = CapturedSource.capture("tcp-return-path.conn0.fwd");
        start(0, MultifdMethod.NONE);
        try (CapturedSource source = new CapturedSource(socket).send(capture, capture.length)) {
            assertThat(hex(source.answers())).isEqualTo(PONG_1 + SHUT_0);
        }
        assertThat(result.get().sourceTold()).isTrue();
        assertThat(Verification.of(file, Progress.NONE).isWhole()).isTrue();
    }

    @Test
    void a_source_without_a_return_path_hears_nothing() throws Exception {
        byte[] capture = CapturedSource.capture("precopy-pc.mig");
        start(0, MultifdMethod.NONE);
        try (CapturedSource source =
                new CapturedSource(socket).send(capture, capture.length).hangUp()) {
            assertThat(source.answers()).isEmpty();
        }
        assertThat(result.get().sourceTold()).isFalse();
        assertThat(result.get().machineType()).isEqualTo("pc-i440fx-10.0");
    }

    @ParameterizedTest
    @CsvSource({
        "multifd-none, 2, NONE",
        "multifd-legacy, 2, NONE",
        "multifd-zlib, 2, ZLIB",
        "multifd-zstd, 2, ZSTD",
        "multifd-72to10, 2, NONE",
        "multifd-10to72, 2, NONE",
        "multifd-3ch-rp, 3, NONE"
    })
    void every_connection_of_multifd_is_received_whichever_comes_first(
            String capture, int channels, MultifdMethod method) throws Exception {
        start(channels, method);
        CapturedSource[] sources = new CapturedSource[channels + 1];
        for (int i = channels; i >= 0; i--) {
            sources[i] = new CapturedSource(socket);
            var _ = sources[i]
                    .sendAsync(CapturedSource.capture(capture + ".conn" + i + ".fwd"))
                    .thenAccept(source -> hangUpUnlessAnswered(source, capture));
        }
        assertThat(result.get(30, TimeUnit.SECONDS).sourceTold()).isEqualTo(capture.endsWith("-rp"));
        for (CapturedSource source : sources) {
            source.close();
        }
        assertThat(Verification.of(file, Progress.NONE).isWhole()).isTrue();
    }

    private static void hangUpUnlessAnswered(CapturedSource source, String capture) {
        try {
            if (!capture.endsWith("-rp")) {
                source.hangUp();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void a_connection_too_many_is_a_source_with_multifd_and_refused() throws Exception {
        start(0, MultifdMethod.NONE);
        try (CapturedSource main = new CapturedSource(socket);
                CapturedSource surplus = new CapturedSource(socket)) {
            assertThat(failure()).hasMessageContaining("connection 2 of 1").hasMessageContaining("multifd");
            assertThat(main.answers()).isEmpty();
            assertThat(surplus.answers()).isEmpty();
        }
        assertThat(file).doesNotExist();
    }

    @ParameterizedTest(name = "seed {0}")
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void a_connection_lost_anywhere_leaves_the_guest_at_the_source_and_the_earlier_snapshot(long seed)
            throws Exception {
        byte[] capture = CapturedSource.capture("tcp-return-path.conn0.fwd");
        Files.writeString(file, "an earlier snapshot");
        int lengthBytes = new SplittableRandom(seed).nextInt(1, capture.length);
        start(0, MultifdMethod.NONE);
        try (CapturedSource source =
                new CapturedSource(socket).send(capture, lengthBytes).hangUp()) {
            assertThat(hex(source.answers())).endsWith(SHUT_1).doesNotContain(SHUT_0);
        }
        assertThat(failure().guestLocation()).isEqualTo(GuestLocation.GUEST_AT_SOURCE);
        assertThat(file).hasContent("an earlier snapshot");
    }

    @Test
    void a_stream_that_is_none_is_refused_with_its_position() throws Exception {
        start(0, MultifdMethod.NONE);
        try (CapturedSource source =
                new CapturedSource(socket).send("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII), 18)) {
            assertThat(failure()).hasMessageContaining("at byte 0");
            assertThat(hex(source.answers())).isEqualTo(SHUT_1);
        }
    }

    @Test
    void closing_before_the_source_comes_ends_the_wait() throws Exception {
        start(0, MultifdMethod.NONE);
        receive.close();
        assertThat(failure()).hasMessageContaining("cancelled");
    }

    @Test
    void closing_in_the_middle_tells_the_source() throws Exception {
        byte[] capture = CapturedSource.capture("tcp-return-path.conn0.fwd");
        start(0, MultifdMethod.NONE);
        try (CapturedSource source = new CapturedSource(socket).send(capture, 300_000)) {
            receive.close();
            assertThat(hex(source.answers())).doesNotContain(SHUT_0);
            assertThat(failure()).hasMessageContaining("cancelled");
        }
        assertThat(file).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"postcopy-first", "postcopy-mid"})
    void a_postcopy_is_received_to_the_last_page_and_nothing_is_run(String capture) throws Exception {
        byte[] bytes = CapturedSource.capture(capture + ".conn0.fwd");
        start(0, MultifdMethod.NONE);
        try (CapturedSource source = new CapturedSource(socket).send(bytes, bytes.length)) {
            assertThat(hex(source.answers()))
                    .startsWith(PONG_1)
                    .contains(PONG_3)
                    .endsWith(SHUT_0);
        }
        assertThat(result.get().sourceTold()).isTrue();
        assertThat(Verification.of(file, Progress.NONE).isWhole()).isTrue();
    }

    @ParameterizedTest(name = "{0} of 1000")
    @ValueSource(ints = {300, 600, 990, 999})
    void a_postcopy_that_breaks_leaves_what_came_under_a_name_that_says_so(int share) throws Exception {
        byte[] bytes = CapturedSource.capture("postcopy-first.conn0.fwd");
        start(0, MultifdMethod.NONE);
        try (CapturedSource source = new CapturedSource(socket)
                .send(bytes, (int) ((long) bytes.length * share / 1000))
                .hangUp()) {
            assertThat(hex(source.answers())).doesNotContain(SHUT_0).doesNotEndWith(SHUT_1);
        }
        Path incomplete = folder.resolve("vm.gw.incomplete");
        assertThat(failure())
                .hasMessageContaining("the source had given its guest up")
                .hasMessageContaining(incomplete.toString())
                .hasMessageContaining("holds the rest: do not end it")
                .satisfies(e -> assertThat(e.guestLocation()).isEqualTo(GuestLocation.GUEST_LOST));
        assertThat(file).doesNotExist();
        assertThatThrownBy(() -> Snapshot.open(incomplete)).isInstanceOf(StreamFormatException.class);
        Files.delete(incomplete);
    }

    @Test
    void a_postcopy_that_breaks_twice_leaves_both_files() throws Exception {
        Path earlier = Files.writeString(folder.resolve("vm.gw.incomplete"), "of another guest");
        byte[] bytes = CapturedSource.capture("postcopy-first.conn0.fwd");
        start(0, MultifdMethod.NONE);
        try (CapturedSource source =
                new CapturedSource(socket).send(bytes, bytes.length / 2).hangUp()) {
            assertThat(hex(source.answers())).doesNotContain(SHUT_0);
        }
        assertThat(failure()).hasMessageContaining("vm.gw.incomplete-2");
        assertThat(earlier).hasContent("of another guest");
        Files.delete(earlier);
        Files.delete(folder.resolve("vm.gw.incomplete-2"));
    }

    @Test
    void a_folder_that_is_not_there_is_said_before_anybody_connects() {
        file = folder.resolve("nowhere/vm.gw");
        assertThatThrownBy(() -> start(0, MultifdMethod.NONE)).hasMessageContaining("nowhere");
        file = folder.resolve("vm.gw");
    }

    @Test
    void multifd_needs_a_uri_with_several_connections() {
        assertThatThrownBy(() -> new ReceiveOptions(file, new MigrationUri.Exec("cat"), 2, MultifdMethod.NONE, false))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("use tcp or unix");
    }
}
