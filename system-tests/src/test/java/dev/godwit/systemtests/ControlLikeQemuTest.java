package dev.godwit.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.godwit.qmp.EventQueue;
import dev.godwit.qmp.JsonObject;
import dev.godwit.qmp.JsonValue;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.qmp.QmpClient;
import dev.godwit.qmp.QmpEvent;
import dev.godwit.testkit.Peers;
import dev.godwit.testkit.QemuVersion;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The same words and the same script for a machine of ours and for a stock QEMU 10.0: both have to answer alike. */
@Timeout(600)
class ControlLikeQemuTest {

    /** What is asked of both; a line that starts with {@code ~} differs in the words, not in the class. */
    private static final List<String> LINES = List.of(
            "{\"execute\":\"query-status\"}",
            "{\"execute\":\"nope\",\"id\":1}",
            "{\"exec-oob\":\"migrate-pause\"}",
            "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"foo\"]}}",
            "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]},\"id\":\"x\"}",
            "{\"execute\":\"qmp_capabilities\"}",
            "{\"execute\":\"nope\",\"id\":{\"a\":[1,null]}}",
            "{\"exec-oob\":\"query-status\",\"id\":4}",
            "{\"exec-oob\":\"migrate-pause\",\"id\":5}",
            "{\"execute\":\"query-status\",\"exec-oob\":\"migrate-pause\"}",
            "{\"execute\":\"query-status\",\"arguments\":{\"x\":1}}",
            "{\"execute\":\"query-status\",\"foo\":1}",
            "{\"execute\":5}",
            "{\"arguments\":{}}",
            "{\"execute\":\"query-status\",\"arguments\":5}",
            "[1,2]",
            "5",
            "null",
            "{'execute':'query-name'}",
            "~{\"execute\": nul}",
            "~}",
            "~{\"a\":1,\"a\":2}",
            "~{\"execute\":\"query-status\" \"id\":1}",
            "{\"execute\":\"query-name\",\"id\":18446744073709551615}",
            "{\"execute\":\"migrate\"}",
            "{\"execute\":\"migrate\",\"arguments\":{\"uri\":5}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"foo:bar\"}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"channels\":[]}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"channels\":[{\"channel-type\":\"main\",\"addr\":"
                    + "{\"transport\":\"socket\",\"type\":\"inet\",\"host\":\"h\"}}]}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"channels\":[{\"channel-type\":\"main\",\"addr\":"
                    + "{\"transport\":\"socket\",\"type\":\"foo\"}}]}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"channels\":[{\"channel-type\":\"main\",\"addr\":"
                    + "{\"transport\":\"socket\",\"type\":\"unix\",\"path\":\"/p\",\"zz\":1}}]}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"unix:/nowhere\",\"resume\":true}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"unix:/nowhere\",\"resume\":1}}",
            "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"unix:/nowhere\"}}",
            "{\"execute\":\"migrate_cancel\"}",
            "{\"execute\":\"migrate-continue\",\"arguments\":{\"state\":\"foo\"}}",
            "{\"execute\":\"migrate-start-postcopy\"}",
            "{\"execute\":\"migrate-pause\"}",
            "{\"execute\":\"migrate-recover\",\"arguments\":{\"uri\":\"unix:/a\"}}",
            "{\"execute\":\"query-migrate\"}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"foo\",\"state\":true}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"xbzrle\"}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[5]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"xbzrle\",\"state\":true},"
                    + "{\"capability\":\"multifd\",\"state\":true}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"switchover-ack\",\"state\":true}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"postcopy-ram\",\"state\":true},"
                    + "{\"capability\":\"multifd\",\"state\":true}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"postcopy-ram\",\"state\":true},"
                    + "{\"capability\":\"mapped-ram\",\"state\":true}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"postcopy-preempt\",\"state\":true}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"postcopy-ram\",\"state\":true},"
                    + "{\"capability\":\"xbzrle\",\"state\":true},{\"capability\":\"postcopy-preempt\",\"state\":true}]}}",
            "{\"execute\":\"migrate-start-postcopy\"}",
            "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"exec:cat\"}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"postcopy-ram\",\"state\":false},"
                    + "{\"capability\":\"xbzrle\",\"state\":false},{\"capability\":\"postcopy-preempt\",\"state\":false}]}}",
            "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":[{\"capability\":\"multifd\",\"state\":true}]}}",
            "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"exec:cat\"}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"foo\":1}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"downtime-limit\":\"x\"}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"downtime-limit\":1.5}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"cpu-throttle-tailslow\":1}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"cpu-throttle-initial\":0}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"cpu-throttle-increment\":100}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"max-cpu-throttle\":10}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"xbzrle-cache-size\":5000}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"throttle-trigger-threshold\":0}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"multifd-channels\":0}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"multifd-zstd-level\":21}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"downtime-limit\":2000001}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"multifd-compression\":\"lz4\"}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"tls-creds\":5}}",
            "{\"execute\":\"migrate-set-parameters\",\"arguments\":{\"tls-creds\":null,\"mode\":\"normal\"}}",
            "{\"execute\":\"calc-dirty-rate\",\"arguments\":{\"calc-time\":0}}",
            "{\"execute\":\"calc-dirty-rate\",\"arguments\":{\"calc-time\":61}}",
            "{\"execute\":\"calc-dirty-rate\",\"arguments\":{\"calc-time\":1,\"sample-pages\":5}}",
            "{\"execute\":\"calc-dirty-rate\",\"arguments\":{\"calc-time\":1,\"mode\":\"dirty-ring\"}}",
            "{\"execute\":\"calc-dirty-rate\",\"arguments\":{\"calc-time\":1,\"calc-time-unit\":\"foo\"}}",
            "{\"execute\":\"query-dirty-rate\"}",
            "{\"execute\":\"object-add\",\"arguments\":{\"id\":\"t\"}}",
            "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"tls-creds-x509\"}}",
            "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"tls-creds-x509\",\"id\":\"t\"}}",
            "{\"execute\":\"object-add\",\"arguments\":{\"qom-type\":\"tls-creds-x509\",\"id\":\"t\",\"endpoint\":\"foo\",\"dir\":\"/\"}}",
            "{\"execute\":\"object-del\",\"arguments\":{\"id\":\"nope\"}}");

    @TempDir
    private Path folder;

    @Test
    void both_answer_the_same_lines_alike() throws Exception {
        Path socket = folder.resolve("qemu.qmp");
        Process qemu = qemu("-machine", "none", "-S", "-qmp", "unix:" + socket + ",server=on,wait=off");
        try (RunningMachine machine = RunningMachine.start(folder, "machine", "--ram", "4M", "-S")) {
            await(socket);
            List<String> theirs = answers(socket);
            List<String> ours = answers(machine.socket());
            List<String> compared = new ArrayList<>();
            for (int i = 0; i < LINES.size(); i++) {
                compared.add(LINES.get(i) + " -> " + theirs.get(i));
                ours.set(i, LINES.get(i) + " -> " + ours.get(i));
            }
            assertThat(ours).containsExactlyElementsOf(compared);
        } finally {
            qemu.destroyForcibly().waitFor();
        }
    }

    private static List<String> answers(Path socket) throws IOException {
        List<String> answers = new ArrayList<>();
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            BufferedReader reader =
                    new BufferedReader(new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
            reader.readLine(); // the greeting
            for (String line : LINES) {
                boolean wordsDiffer = line.startsWith("~");
                String sent = (wordsDiffer ? line.substring(1) : line) + "\n";
                channel.write(ByteBuffer.wrap(sent.getBytes(StandardCharsets.UTF_8)));
                JsonObject answer = (JsonObject) JsonValue.parse(String.valueOf(reader.readLine()));
                answers.add(normalised(answer, wordsDiffer));
            }
        }
        return answers;
    }

    /** The order of members is nobody's business, nor are commands that have figures of their own in the answer. */
    private static String normalised(JsonObject answer, boolean wordsDiffer) {
        String id = answer.get("id").map(value -> " id " + value).orElse("");
        if (answer.object("error").isPresent()) {
            JsonObject error = answer.object("error").get();
            String words = error.text("desc").orElseThrow();
            return error.text("class").orElseThrow() + ": "
                    + (wordsDiffer ? words.replaceAll(",.*", "") : words.replaceAll(":? objects can be.*", "")) + id;
        }
        return "return " + new TreeMap<>(answer.object("return").orElseThrow().members()) + id;
    }

    /** As management programs do it: settings, incoming, migrate, wait before the switchover, go on, quit. */
    @Test
    void one_script_drives_both_with_the_same_events() throws Exception {
        List<String> theirs = qemusScript();
        List<String> ours = machinesScript();
        assertThat(ours).isEqualTo(theirs);
        assertThat(ours).contains("source MIGRATION pre-switchover", "destination RESUME");
    }

    private List<String> qemusScript() throws Exception {
        Path from = folder.resolve("from.qmp");
        Path to = folder.resolve("to.qmp");
        String[] same = {"-machine", "q35,accel=tcg", "-m", "32"};
        Process source = qemu(concat(same, "-qmp", "unix:" + from + ",server=on,wait=off"));
        Process destination = qemu(concat(same, "-incoming", "defer", "-qmp", "unix:" + to + ",server=on,wait=off"));
        try {
            await(from);
            await(to);
            return script(from, to, folder.resolve("qemu.sock"));
        } finally {
            source.destroyForcibly().waitFor();
            destination.destroyForcibly().waitFor();
        }
    }

    private List<String> machinesScript() throws Exception {
        try (RunningMachine source = RunningMachine.start(folder, "source", "--ram", "16M", "--rate", "500");
                RunningMachine destination =
                        RunningMachine.start(folder, "destination", "--ram", "16M", "--incoming", "defer")) {
            List<String> events = script(source.socket(), destination.socket(), folder.resolve("godwit.sock"));
            assertThat(source.awaitExit()).isZero();
            return events;
        }
    }

    private static List<String> script(Path from, Path to, Path migration) throws Exception {
        List<String> told = new CopyOnWriteArrayList<>();
        String uri = "unix:" + migration;
        try (QmpClient source = QmpClient.connect(new QmpAddress.Unix(from));
                QmpClient destination = QmpClient.connect(new QmpAddress.Unix(to));
                var fromSource = source.events();
                var fromDestination = destination.events()) {
            JsonObject capabilities = (JsonObject) JsonValue.parse("{\"capabilities\":[{\"capability\":\"events\","
                    + "\"state\":true},{\"capability\":\"return-path\",\"state\":true},"
                    + "{\"capability\":\"pause-before-switchover\",\"state\":true}]}");
            destination.execute("migrate-set-capabilities", capabilities);
            source.execute("migrate-set-capabilities", capabilities);
            source.execute("migrate-set-parameters", JsonObject.empty().with("downtime-limit", 2000));
            destination.execute("migrate-incoming", JsonObject.of("uri", uri));
            source.execute("migrate", JsonObject.of("uri", uri).with("detach", true));
            collect(told, "source", fromSource, "pre-switchover");
            told.add("source " + source.execute("query-status").text("status").orElseThrow());
            source.execute("migrate-continue", JsonObject.of("state", "pre-switchover"));
            collect(told, "source", fromSource, "completed");
            collect(told, "destination", fromDestination, "completed");
            told.add("source " + source.execute("query-status").text("status").orElseThrow());
            told.add("destination "
                    + destination.execute("query-status").text("status").orElseThrow());
            JsonObject end = source.execute("query-migrate");
            Set<String> members = new TreeSet<>(end.members().keySet());
            members.removeIf(name -> name.startsWith("x-godwit-")); // what QEMU does not know
            told.add("source has " + members);
            source.execute("quit");
        }
        return told;
    }

    private static void collect(List<String> told, String who, EventQueue events, String lastStatus)
            throws IOException {
        while (true) {
            QmpEvent event = events.await(Duration.ofMinutes(2), "an event", _ -> true);
            String status = event.data().text("status").orElse("");
            if (!event.name().equals("MIGRATION_PASS")) {
                told.add((who + " " + event.name() + " " + status).trim());
            }
            if (status.equals(lastStatus)) {
                return;
            }
        }
    }

    private static String[] concat(String[] first, String... more) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

    private Process qemu(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(
                List.of(Peers.qemu(QemuVersion.QEMU_10_0).toString(), "-nodefaults", "-display", "none"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("qemu.log").toFile())
                .start();
    }

    private static void await(Path socket) throws InterruptedException {
        for (int i = 0; i < 6000 && !Files.exists(socket); i++) {
            TimeUnit.MILLISECONDS.sleep(10);
        }
        TimeUnit.MILLISECONDS.sleep(200); // bound, and soon listening
    }
}
