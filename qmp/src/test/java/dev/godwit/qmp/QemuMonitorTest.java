package dev.godwit.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** When a QEMU whose last migration is over may be told of another one. */
class QemuMonitorTest {

    private static final String LISTED = "[{\"type\":\"chardev\",\"id\":\"compat_monitor0\"},{\"type\":\"migration\"}]";
    private static final String NOT_LISTED = "[{\"type\":\"chardev\",\"id\":\"compat_monitor0\"}]";

    private final Queue<String> heard = new ConcurrentLinkedQueue<>();

    /** Answers as often as it is asked, as the lines say, and then hangs up. */
    private ScriptedPeer answering(String... answers) throws IOException {
        return new ScriptedPeer(peer -> {
            peer.greet();
            for (String answer : answers) {
                JsonObject command = peer.read();
                heard.add(command.text("execute").orElse(""));
                if (answer.startsWith("CommandNotFound")) {
                    peer.say("{\"id\":%d,\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"no such command\"}}"
                            .formatted(command.wholeNumber("id").orElseThrow()));
                } else {
                    peer.answer(command, answer);
                }
            }
            peer.awaitHangUp();
        });
    }

    private static String status(String status) {
        return "{\"status\":\"" + status + "\"}";
    }

    @Test
    void a_migration_begins_when_the_last_one_has_been_tidied_up() throws Exception {
        try (ScriptedPeer peer = answering(LISTED, status("failed"), LISTED, status("completed"), NOT_LISTED, "{}");
                QmpClient client = QmpClient.connect(peer.address())) {
            new QemuMonitor(client).migrate("tcp:there:1");
            assertThat(heard)
                    .containsExactly(
                            "query-yank", "query-migrate", "query-yank", "query-migrate", "query-yank", "migrate");
        }
    }

    @Test
    void capabilities_change_when_the_last_one_has_been_tidied_up() throws Exception {
        try (ScriptedPeer peer = answering(LISTED, status("cancelled"), NOT_LISTED, "{}");
                QmpClient client = QmpClient.connect(peer.address())) {
            new QemuMonitor(client).setMigrationCapabilities(Map.of("multifd", false));
            assertThat(heard).containsExactly("query-yank", "query-migrate", "query-yank", "migrate-set-capabilities");
        }
    }

    @Test
    void a_migration_under_way_is_left_to_qemu_to_refuse() throws Exception {
        for (String under : List.of("active", "postcopy-paused", "none")) {
            heard.clear();
            try (ScriptedPeer peer = answering(LISTED, status(under), "CommandNotFound");
                    QmpClient client = QmpClient.connect(peer.address())) {
                assertThatThrownBy(() -> new QemuMonitor(client).migrate("tcp:there:1"))
                        .isInstanceOf(QmpException.class);
                assertThat(heard).as(under).containsExactly("query-yank", "query-migrate", "migrate");
            }
        }
    }

    @Test
    void a_machine_that_does_not_know_yank_is_migrated_at_once() throws Exception {
        try (ScriptedPeer peer = answering("CommandNotFound", "{}");
                QmpClient client = QmpClient.connect(peer.address())) {
            new QemuMonitor(client).migrate("tcp:there:1");
            assertThat(heard).containsExactly("query-yank", "migrate");
        }
    }
}
