package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

class FrameTest {

    @Command(name = "failing")
    static final class Failing implements Callable<Integer> {
        @Mixin
        private final CommonOptions common = new CommonOptions();

        private final Exception failure;
        private boolean interrupts;

        Failing(Exception failure) {
            this.failure = failure;
        }

        @Override
        public Integer call() throws Exception {
            try (Interruption.Registration _ = common.interruption().register(() -> {})) {
                if (interrupts) {
                    assertThat(common.interruption().interrupt()).isTrue();
                }
                throw failure;
            }
        }
    }

    private static Run run(Failing failing, String... arguments) {
        Godwit godwit = new Godwit();
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = godwit.commandLine();
        Failures failures = new Failures(godwit.interruption());
        line.addSubcommand(new CommandLine(failing));
        line.setExecutionExceptionHandler(failures);
        line.setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
        int status = line.execute(arguments);
        return new Run(status, out.toString(), err.toString());
    }

    @Test
    void each_subcommand_has_the_name_that_it_is_called_by() {
        CommandLine all = new Godwit().commandLine();
        assertThat(all.getSubcommands()).hasSize(16).allSatisfy((name, subcommand) -> {
            assertThat(subcommand.getCommandName()).isEqualTo(name);
            assertThat(subcommand.getCommandSpec().names()).containsExactly(name);
        });
    }

    @Test
    void of_a_command_that_is_named_first_no_other_is_set_up() {
        assertThat(new Godwit().commandLineFor("inspect", "--help").getSubcommands())
                .containsOnlyKeys("inspect");
        assertThat(new Godwit().commandLineFor("--version").getSubcommands()).isEmpty();
        assertThat(Run.of("--version").out()).isEqualTo("godwit " + Godwit.VERSION + System.lineSeparator());
    }

    @Test
    void where_all_commands_count_all_are_known() {
        assertThat(Run.of("--help").out()).contains("snapshot", "bench");
        assertThat(Run.of("help", "inspect").out()).contains("Shows what is in a snapshot.");
        assertThat(Run.of().err()).contains("snapshot", "bench");
    }

    @Test
    void a_failure_says_where_the_guest_is() {
        Failing failing = new Failing(new MigrationException("the disk is full", GuestLocation.GUEST_AT_SOURCE));
        Run run = run(failing, "failing", "--json");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("the disk is full", "GUEST_AT_SOURCE").hasLineCount(1);
        assertThat(run.json().at("guestLocation").value()).isEqualTo("GUEST_AT_SOURCE");
        assertThat(run.json().at("error").value()).isEqualTo("the disk is full");
    }

    @Test
    void text_from_outside_cannot_drive_the_terminal() {
        Run run = run(new Failing(new IOException("block \u001b[2Jx\nsecond line")), "failing");
        assertThat(run.err()).contains("block \\x1b[2Jx\\x0asecond line").hasLineCount(1);
    }

    @Test
    void after_ctrl_c_the_status_is_130() {
        Failing failing = new Failing(new ClosedChannelException());
        failing.interrupts = true;
        Run run = run(failing, "failing");
        assertThat(run.status()).isEqualTo(ExitStatus.INTERRUPTED);
        assertThat(run.err()).contains("interrupted");
    }

    @Test
    void ctrl_c_closes_what_runs_the_latest_first_and_what_comes_later_at_once() {
        Interruption interruption = new Interruption();
        List<String> closed = new ArrayList<>();
        interruption.register(() -> closed.add("first"));
        interruption.register(() -> closed.add("second")).close();
        interruption.register(() -> closed.add("third"));
        interruption.interrupt();
        assertThat(closed).containsExactly("third", "first");
        interruption.register(() -> closed.add("late"));
        assertThat(closed).containsExactly("third", "first", "late");
    }

    @Test
    void ctrl_c_ends_work_that_reports_its_progress() {
        Interruption interruption = new Interruption();
        try (StatusLine line = StatusLine.silent().cancelledBy(interruption)) {
            line.advance(1);
            assertThat(interruption.interrupt()).isTrue();
            assertThatThrownBy(() -> line.advance(1)).isInstanceOf(CancellationException.class);
        }
        assertThat(interruption.interrupt()).isFalse();
    }

    @Test
    void a_terminal_line_is_redrawn_at_most_five_times_a_second() {
        StringWriter text = new StringWriter();
        AtomicLong nowNs = new AtomicLong();
        try (StatusLine line = StatusLine.on(new PrintWriter(text), true, nowNs::get)) {
            line.phase("receiving RAM", 100 << 20);
            for (int i = 0; i < 100; i++) {
                nowNs.addAndGet(10_000_000);
                line.advance(1 << 20);
            }
        }
        assertThat(text.toString().split("\r", -1)).hasSizeLessThanOrEqualTo(8);
        assertThat(text.toString())
                .contains("100.0 MiB of 100.0 MiB, 100 %, 100.0 MiB/s")
                .contains("left");
    }

    @Test
    void elsewhere_than_on_a_terminal_there_is_a_line_every_few_seconds() {
        StringWriter text = new StringWriter();
        AtomicLong nowNs = new AtomicLong();
        try (StatusLine line = StatusLine.on(new PrintWriter(text), false, nowNs::get)) {
            line.phase("a short one", 1);
            line.phase("a long one", -1);
            for (int i = 0; i < 12; i++) {
                nowNs.addAndGet(1_000_000_000);
                line.advance(1 << 20);
            }
        }
        assertThat(text.toString()).isEqualTo("""
                a long one: 5.0 MiB, 1.0 MiB/s
                a long one: 10.0 MiB, 1.0 MiB/s
                a long one: 12.0 MiB, 1.0 MiB/s
                """);
    }

    @Test
    void the_doctor_finds_out_about_this_host_and_leaves_nothing() {
        Run run = Run.of("doctor", "--json", "--folder", "target");
        assertThat(run.status()).isZero();
        assertThat(run.err()).isEmpty();
        assertThat(run.json().at("findings").list()).hasSizeGreaterThan(7).allSatisfy(finding -> {
            Json json = new Json(finding);
            if (!"OK".equals(json.at("state").value())) {
                assertThat(json.at("remedy").value()).asString().isNotBlank();
            }
        });
        assertThat(Path.of("target")).isDirectoryNotContaining("glob:**.godwit-doctor*");
        assertThat(Run.of("doctor").out()).contains("JDK", "userfaultfd", "KVM", "huge pages", "free of");
    }
}
