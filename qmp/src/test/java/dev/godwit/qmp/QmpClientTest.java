package dev.godwit.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class QmpClientTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Duration SHORT = Duration.ofMillis(200);

    private static QmpClient connect(ScriptedPeer peer) throws IOException {
        return QmpClient.connect(peer.address(), SOON);
    }

    @Test
    void out_of_band_is_negotiated_where_it_is_offered() throws Exception {
        LinkedBlockingQueue<JsonObject> commands = new LinkedBlockingQueue<>();
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.say(ScriptedPeer.GREETING);
                    for (int i = 0; i < 2; i++) {
                        JsonObject command = p.read();
                        commands.add(command);
                        p.answer(command, "{}");
                    }
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer)) {
            assertThat(client.isOutOfBandEnabled()).isTrue();
            assertThat(new QemuMonitor(client).version()).isEqualTo("10.0.2");
            client.executeOutOfBand("migrate-pause", JsonObject.empty(), SOON);
            assertThat(commands.take())
                    .hasToString("{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]},\"id\":1}");
            assertThat(commands.take()).hasToString("{\"exec-oob\":\"migrate-pause\",\"id\":2}");
        }
    }

    @Test
    void out_of_band_commands_go_in_band_where_it_is_not_offered() throws Exception {
        LinkedBlockingQueue<JsonObject> commands = new LinkedBlockingQueue<>();
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.say("{\"QMP\":{\"version\":{},\"capabilities\":[]}}");
                    p.answer(p.read(), "{}");
                    commands.add(p.read());
                });
                QmpClient client = connect(peer)) {
            assertThat(client.isOutOfBandEnabled()).isFalse();
            assertThatThrownBy(() -> client.executeOutOfBand("migrate-pause", JsonObject.empty(), SOON))
                    .isInstanceOf(IOException.class);
            assertThat(commands.take()).hasToString("{\"execute\":\"migrate-pause\",\"id\":2}");
        }
    }

    @Test
    void answers_out_of_order_find_their_commands() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    List<JsonObject> commands = new ArrayList<>(List.of(p.read(), p.read(), p.read()));
                    for (JsonObject command : commands.reversed()) {
                        p.answer(
                                command,
                                "{\"to\":"
                                        + new JsonString(command.text("execute").orElse("")) + "}");
                    }
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<JsonObject>> calls =
                    List.of(() -> client.execute("one"), () -> client.execute("two"), () -> client.execute("three"));
            List<Future<JsonObject>> answers = threads.invokeAll(calls);
            assertThat(answers.get(0).get()).isEqualTo(JsonObject.of("to", "one"));
            assertThat(answers.get(1).get()).isEqualTo(JsonObject.of("to", "two"));
            assertThat(answers.get(2).get()).isEqualTo(JsonObject.of("to", "three"));
        }
    }

    @Test
    void a_refusal_carries_its_class_and_text() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.read();
                    p.say("{\"id\":2,\"error\":{\"class\":\"GenericError\",\"desc\":\"no room\"}}");
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer)) {
            assertThatThrownBy(() -> client.execute("migrate")).isInstanceOfSatisfying(QmpException.class, e -> {
                assertThat(e.errorClass()).isEqualTo("GenericError");
                assertThat(e.text()).isEqualTo("no room");
                assertThat(e).hasMessageContaining("'migrate'");
            });
        }
    }

    @Test
    void an_answer_that_is_no_object_is_its_value() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.answer(p.read(), "[1]");
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer)) {
            assertThat(client.execute("list")).hasToString("{\"value\":[1]}");
        }
    }

    @Test
    void an_answer_that_comes_too_late_harms_nobody() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    JsonObject slow = p.read();
                    JsonObject quick = p.read();
                    p.answer(slow, "{\"late\":true}");
                    p.answer(quick, "{\"late\":false}");
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer)) {
            assertThatThrownBy(() -> client.execute("slow", JsonObject.empty(), SHORT))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("'slow' within 200 ms");
            assertThat(client.execute("quick")).hasToString("{\"late\":false}");
        }
    }

    @Test
    void an_interrupt_ends_the_wait_and_not_the_connection() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.read();
                    p.answer(p.read(), "{\"still\":\"here\"}");
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer)) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> client.execute("first")).isInstanceOf(InterruptedIOException.class);
            assertThat(Thread.interrupted()).isTrue();
            assertThat(client.execute("second")).isEqualTo(JsonObject.of("still", "here"));
        }
    }

    @Test
    void events_reach_subscribers_in_order_and_waiters_by_name() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.read();
                    p.say("{\"event\":\"STOP\",\"timestamp\":{\"seconds\":12,\"microseconds\":34}}");
                    p.say("{\"event\":\"MIGRATION\",\"data\":{\"status\":\"active\"}}");
                    p.answer(new JsonObject(Map.of("id", JsonNumber.of(2))), "{}");
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer);
                EventQueue events = client.events()) {
            LinkedBlockingQueue<QmpEvent> told = new LinkedBlockingQueue<>();
            client.subscribe(event -> {
                told.add(event);
                throw new IllegalStateException("what a subscriber throws is its own affair");
            });
            client.execute("go");
            QmpEvent migration = new QmpEvent("MIGRATION", JsonObject.of("status", "active"), -1);
            QmpEvent stop = new QmpEvent("STOP", JsonObject.empty(), 12_000_034);
            assertThat(events.await(SOON, "MIGRATION")).isEqualTo(migration);
            assertThat(events.await(SOON, "RESUME", "STOP")).isEqualTo(stop);
            assertThatThrownBy(() -> events.await(SHORT, "RESUME"))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("RESUME");
            assertThat(told.poll(20, TimeUnit.SECONDS)).isEqualTo(stop);
            assertThat(told.poll(20, TimeUnit.SECONDS)).isEqualTo(migration);
        }
    }

    @Test
    void more_events_than_are_kept_do_not_fill_the_memory() {
        EventQueue queue = new EventQueue(_ -> {});
        for (int i = 0; i < EventQueue.CAPACITY + 5; i++) {
            queue.add(new QmpEvent("E" + i, JsonObject.empty(), i));
        }
        assertThat(queue.poll(_ -> true).orElseThrow().name()).isEqualTo("E5");
    }

    @Test
    void a_lost_connection_is_told_to_every_waiter_and_to_later_callers() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.read();
                    p.read();
                });
                QmpClient client = connect(peer);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<JsonObject>> calls = List.of(() -> client.execute("one"), () -> client.execute("two"));
            for (Future<JsonObject> answer : threads.invokeAll(calls)) {
                assertThatThrownBy(answer::get).hasRootCauseMessage("the peer closed it");
            }
            assertThatThrownBy(() -> client.execute("three")).hasMessageContaining("was lost: the peer closed it");
            assertThatThrownBy(() -> client.events().await(SOON, "STOP")).hasMessageContaining("was lost");
        }
    }

    @Test
    void closing_ends_waits_and_refuses_later_commands() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.awaitHangUp();
                });
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            QmpClient client = connect(peer);
            EventQueue events = client.events();
            Future<JsonObject> underWay = threads.submit(() -> client.execute("never answered"));
            client.close();
            assertThatThrownBy(underWay::get).hasMessageContaining("was closed");
            assertThatThrownBy(() -> events.await(SOON, "STOP")).hasMessageContaining("was closed");
            assertThatThrownBy(() -> client.execute("any")).hasMessageContaining("was closed");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "SSH-2.0-OpenSSH_9.2",
                "{}",
                "[]",
                "{\"QMP\":7}",
                "{\"QMP\":{",
                "{\"error\":{\"desc\":\"busy\"}}",
                "{\"event\":\"STOP\"}",
                "\u0000"
            })
    void a_greeting_that_is_none_is_refused(String greeting) throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
            p.say(greeting);
            p.awaitHangUp();
        })) {
            assertThatThrownBy(() -> connect(peer))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("was lost");
        }
    }

    @Test
    void a_peer_that_does_not_greet_is_given_up() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(ScriptedPeer::awaitHangUp)) {
            assertThatThrownBy(() -> QmpClient.connect(peer.address(), SHORT))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("another client");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "no json",
                "[]",
                "{}",
                "{\"return\":{}}",
                "{\"return\":{},\"id\":99}",
                "{\"return\":{},\"id\":0}",
                "{\"return\":{},\"id\":\"2\"}",
                "{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse error\"}}",
                "{\"return\":{},\"id\":2",
                "{\"return\":1,\"return\":2,\"id\":2}",
                "{\"id\":2}"
            })
    void a_message_that_is_none_ends_the_connection(String message) throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
                    p.greet();
                    p.read();
                    p.say(message);
                    p.awaitHangUp();
                });
                QmpClient client = connect(peer)) {
            assertThatThrownBy(() -> client.execute("any"))
                    .isInstanceOf(IOException.class)
                    .isNotInstanceOf(QmpException.class)
                    .hasMessageContaining("was lost");
        }
    }

    @Test
    void a_line_without_end_is_refused_and_not_kept() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
            byte[] blanks = " ".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
            while (true) {
                p.send(blanks);
            }
        })) {
            assertThatThrownBy(() -> connect(peer))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("a line of more");
        }
    }

    @Test
    void bytes_that_are_no_text_are_refused() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> {
            p.send(new byte[] {'"', (byte) 0xff, (byte) 0xfe, '"', '\n'});
            p.awaitHangUp();
        })) {
            assertThatThrownBy(() -> connect(peer))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("UTF-8");
        }
    }

    @Test
    void a_line_cut_off_is_told_from_an_ordinary_end() throws Exception {
        try (ScriptedPeer peer = new ScriptedPeer(p -> p.send("{\"QMP\"".getBytes(StandardCharsets.US_ASCII)))) {
            assertThatThrownBy(() -> connect(peer)).hasMessageContaining("in the middle of a line");
        }
    }
}
