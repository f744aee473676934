package dev.godwit.qmp.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.engine.migration.MachineEvent;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.MigrationStatus;
import dev.godwit.engine.migration.WriteFaultReport;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The server over real sockets. What QEMU 10.0 answers to the same lines was written down from it. */
@Timeout(60)
class QmpServerTest {

    @TempDir
    private Path folder;

    private final FakeMachineControl machine = new FakeMachineControl();
    private Path socket = Path.of("");
    private @Nullable QmpServer server;

    @BeforeEach
    void serve() throws IOException {
        socket = folder.resolve("qmp.sock");
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(socket));
        server = QmpServer.serve(listener, machine, "Godwit test", List.of());
    }

    @AfterEach
    void close() throws IOException {
        machine.holdStop.countDown();
        server().close();
    }

    private QmpServer server() {
        return Objects.requireNonNull(server);
    }

    private RawClient client() throws IOException {
        return RawClient.negotiated(socket);
    }

    @Test
    void greets_with_version_and_capabilities() throws IOException {
        try (RawClient client = new RawClient(socket)) {
            assertThat(client.greeting)
                    .isEqualTo("{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":0,\"major\":10},"
                            + "\"package\":\"Godwit test\"},\"capabilities\":[\"oob\"]}}");
        }
    }

    @Test
    void commands_before_the_negotiation_are_refused() throws IOException {
        try (RawClient client = new RawClient(socket)) {
            assertThat(client.ask("{\"execute\":\"query-status\",\"id\":1}"))
                    .isEqualTo("{\"id\":1,\"error\":{\"class\":\"CommandNotFound\",\"desc\":"
                            + "\"Expecting capabilities negotiation with 'qmp_capabilities'\"}}");
            assertThat(client.ask("{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"foo\"]}}"))
                    .contains("GenericError", "does not accept value 'foo'");
            assertThat(client.ask("{\"execute\":\"qmp_capabilities\"}")).isEqualTo("{\"return\":{}}");
            assertThat(client.ask("{\"execute\":\"qmp_capabilities\"}"))
                    .contains("CommandNotFound", "Capabilities negotiation is already complete, command ignored");
        }
    }

    @Test
    void each_client_negotiates_for_itself() throws IOException {
        try (RawClient first = client();
                RawClient second = new RawClient(socket)) {
            assertThat(second.ask("{\"execute\":\"stop\"}")).contains("Expecting capabilities");
            assertThat(first.ask("{\"execute\":\"query-status\"}"))
                    .isEqualTo("{\"return\":{\"status\":\"running\",\"running\":true}}");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"5", "\"a\"", "{\"a\":[1,null,{\"b\":true}]}", "18446744073709551615", "null", "1.50"})
    void the_id_comes_back_as_it_was(String id) throws IOException {
        try (RawClient client = client()) {
            assertThat(client.ask("{\"execute\":\"query-name\",\"id\":" + id + "}"))
                    .isEqualTo("{\"return\":{\"name\":\"a name\"},\"id\":" + id + "}");
            assertThat(client.ask("{\"execute\":\"nope\",\"id\":" + id + "}"))
                    .startsWith("{\"id\":" + id + ",\"error\"");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"execute":"nope"} | The command nope has not been found
            {"execute":"query-status","foo":1} | QMP input member 'foo' is unexpected
            {"execute":5} | QMP input member 'execute' must be a string
            {"arguments":{}} | QMP input lacks member 'execute'
            {"execute":"query-status","arguments":5} | QMP input member 'arguments' must be an object
            {"execute":"query-status","arguments":{"x":1}} | Parameter 'x' is unexpected
            {"exec-oob":"query-status"} | QMP input member 'exec-oob' is unexpected
            [1,2] | QMP input must be a JSON object
            5 | QMP input must be a JSON object
            {"execute":"migrate"} | need either 'uri' or 'channels' argument
            {"execute":"migrate","arguments":{"uri":5}} | Invalid parameter type for 'uri', expected: string
            {"execute":"migrate","arguments":{"uri":"tcp:a:1","resume":1}} | Invalid parameter type for 'resume', expected: boolean
            {"execute":"migrate","arguments":{"channels":[]}} | need either 'uri' or 'channels' argument
            {"execute":"migrate","arguments":{"channels":[{"channel-type":"main","addr":{"transport":"socket","type":"inet","host":"h"}}]}} | Parameter 'channels[0].addr.port' is missing
            {"execute":"migrate","arguments":{"channels":[{"channel-type":"main","addr":{"transport":"socket","type":"inet","host":"h","port":1}}]}} | Invalid parameter type for 'channels[0].addr.port', expected: string
            {"execute":"migrate","arguments":{"channels":[{"channel-type":"mainx","addr":{}}]}} | Parameter 'channel-type' does not accept value 'mainx'
            {"execute":"migrate","arguments":{"channels":[{"channel-type":"main","addr":{"transport":"socket","type":"unix","path":"/p","zz":1}}]}} | Parameter 'channels[0].addr.zz' is unexpected
            {"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"foo","state":true}]}} | Parameter 'capability' does not accept value 'foo'
            {"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"xbzrle"}]}} | Parameter 'capabilities[0].state' is missing
            {"execute":"migrate-set-capabilities","arguments":{"capabilities":[5]}} | Invalid parameter type for 'capabilities[0]', expected: object
            {"execute":"migrate-set-capabilities","arguments":{"capabilities":{}}} | Invalid parameter type for 'capabilities', expected: array
            {"execute":"migrate-set-parameters","arguments":{"foo":1}} | Parameter 'foo' is unexpected
            {"execute":"migrate-set-parameters","arguments":{"downtime-limit":"x"}} | Parameter 'downtime-limit' expects uint64
            {"execute":"migrate-set-parameters","arguments":{"downtime-limit":1e2}} | Parameter 'downtime-limit' expects uint64
            {"execute":"migrate-set-parameters","arguments":{"multifd-channels":"x"}} | Parameter 'multifd-channels' expects uint8_t
            {"execute":"migrate-set-parameters","arguments":{"cpu-throttle-tailslow":1}} | Invalid parameter type for 'cpu-throttle-tailslow', expected: boolean
            {"execute":"migrate-set-parameters","arguments":{"multifd-compression":"lz4"}} | Parameter 'multifd-compression' does not accept value 'lz4'
            {"execute":"migrate-set-parameters","arguments":{"tls-creds":5}} | Invalid parameter type for 'tls-creds', expected: StrOrNull
            {"execute":"migrate-set-parameters","arguments":{"announce-max":5}} | the parameter 'announce-max' is not supported
            {"execute":"migrate-set-parameters","arguments":{"mode":"cpr-reboot"}} | the mode 'cpr-reboot' is not supported, only 'normal' is
            {"execute":"migrate-continue","arguments":{"state":"foo"}} | Parameter 'state' does not accept value 'foo'
            {"execute":"calc-dirty-rate","arguments":{"calc-time":1,"calc-time-unit":"foo"}} | Parameter 'calc-time-unit' does not accept value 'foo'
            {"execute":"calc-dirty-rate"} | Parameter 'calc-time' is missing
            """)
    void what_is_wrong_is_said_in_qemus_words(String line, String description) throws IOException {
        try (RawClient client = client()) {
            JsonObject answer = (JsonObject) JsonValue.parse(client.ask(line));
            assertThat(answer.object("error").orElseThrow().text("desc")).contains(description);
            assertThat(answer.object("error").orElseThrow().text("class"))
                    .contains(line.contains("nope") ? "CommandNotFound" : "GenericError");
            assertThat(machine.calls).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"execute\": nul}",
                "}",
                "{]",
                "{\"a\":1,\"a\":2}",
                "{\"execute\":\"query-status\" \"id\":1}",
                "{\"execute\":\"query-status\",}",
                "@",
                "{\"execute\":\"query-status\",\"id\":01}",
                "\"never ended",
                "\u0000"
            })
    void what_is_no_json_is_answered_and_the_connection_goes_on(String text) throws IOException {
        try (RawClient client = client()) {
            assertThat(client.ask(text)).contains("GenericError", "JSON parse error");
            assertThat(client.ask("{\"execute\":\"query-status\"}")).startsWith("{\"return\"");
        }
    }

    @Test
    void what_is_no_utf_8_is_answered() throws IOException {
        try (RawClient client = client()) {
            client.send(new byte[] {'{', '"', (byte) 0xff, '"', ':', '1', '}', '\n'});
            assertThat(client.line()).contains("JSON parse error");
            assertThat(client.ask("{\"execute\":\"query-status\"}")).startsWith("{\"return\"");
        }
    }

    @Test
    void messages_end_where_their_brackets_do() throws IOException {
        try (RawClient client = client()) {
            client.send("{\"execute\":\"query-name\",\n\"id\":\n1}{'execute':'query-name','id':'a\\'b'}");
            assertThat(client.line()).contains("\"id\":1");
            assertThat(client.line()).contains("\"id\":\"a'b\"");
        }
    }

    @Test
    void brackets_without_end_are_refused_before_memory_is() throws IOException {
        try (RawClient client = client()) {
            client.send("[".repeat(MessageReader.MAX_MESSAGE_BYTES + 10) + "\n");
            assertThat(client.line()).contains("JSON parse error, a message of more than");
            client.send("[".repeat(1000) + "]".repeat(1000) + "\n");
            assertThat(client.line()).contains("JSON parse error");
            client.send("{\"execute\":\"query-status\",\"id\":" + "9".repeat(100_000) + "}\n");
            assertThat(client.line()).contains("JSON parse error");
            assertThat(client.ask("{\"execute\":\"query-status\"}")).startsWith("{\"return\"");
        }
    }

    @Test
    void addresses_as_objects_are_the_uris_they_mean() throws IOException {
        try (RawClient client = client()) {
            for (String address : List.of(
                    "{\"transport\":\"socket\",\"type\":\"inet\",\"host\":\"::1\",\"port\":\"9\"}",
                    "{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"/a b\"}",
                    "{\"transport\":\"socket\",\"type\":\"fd\",\"str\":\"7\"}",
                    "{\"transport\":\"file\",\"filename\":\"/f\",\"offset\":4096}",
                    "{\"transport\":\"exec\",\"args\":[\"/bin/cat\",\"it's\"]}")) {
                client.ask("{\"execute\":\"migrate\",\"arguments\":{\"detach\":true,\"channels\":"
                        + "[{\"channel-type\":\"main\",\"addr\":" + address + "}]}}");
            }
            client.ask("{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"tcp::0\",\"exit-on-error\":false}}");
        }
        assertThat(machine.calls)
                .containsExactly(
                        "migrate tcp:[::1]:9 false",
                        "migrate unix:/a b false",
                        "migrate fd:7 false",
                        "migrate file:/f,offset=4096 false",
                        "migrate exec:exec '/bin/cat' 'it'\\''s' false",
                        "migrate-incoming tcp::0 false");
    }

    @Test
    void events_reach_every_client_that_has_negotiated_ahead_of_the_answer() throws IOException {
        try (RawClient first = client();
                RawClient second = client();
                RawClient third = new RawClient(socket)) {
            assertThat(first.ask("{\"execute\":\"stop\"}"))
                    .matches("\\{\"timestamp\":\\{\"seconds\":\\d+,\"microseconds\":\\d{1,6}},\"event\":\"STOP\"}");
            assertThat(first.line()).isEqualTo("{\"return\":{}}");
            machine.tell(new MachineEvent.StatusChanged(MigrationStatus.PRE_SWITCHOVER));
            machine.tell(new MachineEvent.Pass(3));
            for (RawClient client : List.of(first, second)) {
                if (client.equals(second)) {
                    assertThat(client.line()).contains("\"STOP\"");
                }
                assertThat(client.line()).endsWith("\"event\":\"MIGRATION\",\"data\":{\"status\":\"pre-switchover\"}}");
                assertThat(client.line()).endsWith("\"event\":\"MIGRATION_PASS\",\"data\":{\"pass\":3}}");
            }
            assertThat(third.ask("{\"execute\":\"qmp_capabilities\"}")).isEqualTo("{\"return\":{}}");
        }
    }

    @Test
    void a_client_that_does_not_read_is_disconnected_and_the_machine_goes_on() throws IOException {
        try (RawClient slow = client();
                RawClient other = client()) {
            long events = 40L * QmpSession.MAX_QUEUED_MESSAGES;
            for (long i = 0; i < events; i++) {
                machine.tell(new MachineEvent.Pass(i));
                assertThat(other.line()).contains("MIGRATION_PASS");
            }
            long read = 0;
            while (!slow.line().equals("(end)")) {
                read++;
            }
            assertThat(read).isLessThan(events);
        }
    }

    @Test
    void out_of_band_overtakes_a_command_that_hangs() throws IOException {
        machine.stopsAtOnce = false;
        try (RawClient client = RawClient.negotiated(socket, "oob")) {
            client.send("{\"execute\":\"stop\",\"id\":1}\n{\"exec-oob\":\"migrate-pause\",\"id\":2}\n");
            assertThat(client.line()).isEqualTo("{\"return\":{},\"id\":2}");
            assertThat(client.ask("{\"exec-oob\":\"query-status\",\"id\":3}"))
                    .contains("The command query-status does not support OOB");
            machine.holdStop.countDown();
            assertThat(client.line()).contains("STOP");
            assertThat(client.line()).isEqualTo("{\"return\":{},\"id\":1}");
        }
    }

    @Test
    void a_stop_that_waits_for_a_page_that_does_not_come_is_refused_by_name_and_takes_effect_later()
            throws IOException {
        machine.stopsAtOnce = false;
        machine.report = report(MigrationStatus.POSTCOPY_PAUSED, "page 0x1000 of block ram is damaged");
        try (RawClient client = client();
                RawClient other = client()) {
            String refusal = "a vCPU waits for a page that does not come (page 0x1000 of block ram is damaged)";
            assertThat(client.ask("{\"execute\":\"stop\"}")).contains("GenericError", refusal);
            assertThat(other.ask("{\"execute\":\"stop\"}")).contains(refusal);
            assertThat(other.ask("{\"execute\":\"cont\"}")).contains(refusal);
            assertThat(other.ask("{\"execute\":\"query-status\"}")).contains("running");
            machine.report = report(MigrationStatus.POSTCOPY_ACTIVE, "");
            machine.holdStop.countDown();
            assertThat(client.line()).contains("STOP");
            assertThat(other.line()).contains("STOP");
            assertThat(client.ask("{\"execute\":\"query-status\"}")).contains("paused");
        }
    }

    private static MigrationReport report(MigrationStatus status, String error) {
        return new MigrationReport(
                status,
                Optional.of(error).filter(text -> !text.isEmpty()),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                Optional.empty(),
                OptionalInt.empty(),
                List.of(),
                List.of());
    }

    @Test
    void a_client_that_ends_its_side_still_gets_its_answers() throws IOException {
        try (RawClient client = client()) {
            client.send("{\"execute\":\"query-name\"}\n");
            client.endInput();
            assertThat(client.line()).contains("a name");
            assertThat(client.line()).isEqualTo("(end)");
        }
    }

    @Test
    void closing_the_server_gives_clients_what_was_queued_and_disconnects_them() throws IOException {
        try (RawClient client = client()) {
            machine.tell(new MachineEvent.ShutDown(true, "guest-shutdown"));
            server().close();
            assertThat(client.line()).contains("\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"guest-shutdown\"}");
            assertThat(client.line()).isEqualTo("(end)");
        }
    }

    @Test
    void our_client_gets_on_with_our_server() throws IOException {
        try (QmpClient client = QmpClient.connect(new QmpAddress.Unix(socket))) {
            assertThat(client.isOutOfBandEnabled()).isTrue();
            client.execute(
                    "migrate-set-parameters",
                    JsonObject.empty().with("downtime-limit", 7).with("mode", "normal"));
            JsonObject parameters = client.execute("query-migrate-parameters");
            assertThat(parameters.wholeNumber("downtime-limit")).hasValue(7);
            assertThat(parameters.wholeNumber("max-bandwidth")).hasValue(134_217_728);
            assertThat(parameters.text("multifd-compression")).contains("none");
            assertThat(client.execute("query-migrate")).isEqualTo(JsonObject.empty());
            assertThat(client.execute("query-uuid").text("UUID")).contains("00000000-0000-0000-0000-000000000000");
            assertThat(client.execute("query-commands").array("value").orElseThrow())
                    .contains(JsonObject.of("name", "query-migrate"), JsonObject.of("name", "qmp_capabilities"));
            assertThat(client.execute("query-dirty-rate").wholeNumber("calc-time"))
                    .hasValue(1);
            assertThat(client.execute("query-dirty-rate", JsonObject.of("calc-time-unit", "millisecond"))
                            .wholeNumber("calc-time"))
                    .hasValue(1500);
        }
    }

    @Test
    void query_migrate_has_qemus_fields() throws IOException {
        MigrationReport.Ram ram = new MigrationReport.Ram(1, 2, 3, 4, 5, 4096, 6, 7, 8.25, 9, 10, 11, 12, 13, 14);
        MigrationReport.Xbzrle xbzrle = new MigrationReport.Xbzrle(1, 2, 3, 4, 0.5, 2, 6);
        machine.report = new MigrationReport(
                        MigrationStatus.ACTIVE,
                        Optional.of("e"),
                        OptionalLong.of(1),
                        OptionalLong.of(2),
                        OptionalLong.of(3),
                        OptionalLong.of(4),
                        Optional.of(ram),
                        Optional.of(xbzrle),
                        OptionalInt.of(20),
                        List.of("tcp:[::1]:44", "unix:/x"),
                        List.of("because"))
                .withWriteFaults(Optional.of(new WriteFaultReport(5, 2, 6000, 3000, 4000, List.of(1L, 4L))));
        try (RawClient client = client()) {
            assertThat(JsonValue.parse(client.ask("{\"execute\":\"query-migrate\"}")))
                    .isEqualTo(JsonValue.parse("""
                            {"return":{"status":"active","total-time":1,"setup-time":2,"expected-downtime":3,"downtime":4,
                            "cpu-throttle-percentage":20,"error-desc":"e","blocked-reasons":["because"],
                            "socket-address":[{"type":"inet","host":"::1","port":"44"},{"type":"unix","path":"/x"}],
                            "ram":{"total":3,"transferred":1,"remaining":2,"duplicate":4,"normal":5,"normal-bytes":20480,
                            "page-size":4096,"dirty-sync-count":6,"dirty-sync-missed-zero-copy":0,"dirty-pages-rate":7,
                            "mbps":8.25,"pages-per-second":9,"multifd-bytes":10,"precopy-bytes":11,"downtime-bytes":12,
                            "postcopy-bytes":13,"postcopy-requests":14},
                            "xbzrle-cache":{"cache-size":1,"bytes":2,"pages":3,"cache-miss":4,"cache-miss-rate":0.5,
                            "encoding-rate":2,"overflow":6},
                            "x-godwit-write-faults":{"count":5,"threads":2,"total-ns":6000,"longest-ns":3000,
                            "longest-thread-ns":4000,"latency-dist":[1,4]}}}"""));
        }
    }
}
