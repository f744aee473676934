package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.godwit.engine.migration.Clock;
import dev.godwit.engine.migration.MachineRun;
import dev.godwit.engine.migration.MigrationParameters;
import dev.godwit.engine.migration.MigrationReport;
import dev.godwit.engine.migration.RunStatus;
import dev.godwit.engine.precopy.Precopy;
import dev.godwit.engine.precopy.PrecopySettings;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules of 2007 as the engine's policy, and their stream as its codec, against what the program of 2007 wrote. */
class Hvm2007StreamTest {

    private static final MemorySegment SIDE = MemorySegment.ofArray(new byte[] {1, 2, 3});

    private MigrationReport report = MigrationReport.NONE;

    private byte[] migrate(long frames, Hvm2007Settings settings, String scenario, boolean running) throws Exception {
        String script = scenario.isEmpty() ? "" : new String(Fixtures.gold(scenario), StandardCharsets.UTF_8);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ScriptedMachine machine = new ScriptedMachine(frames, settings.words(), script)) {
            FrameMap map = new FrameMap(List.of(new FrameMap.Window(0, 0, 0, frames))).withoutHoles();
            Hvm2007Policy policy = new Hvm2007Policy(map, machine.memory().layout(), settings);
            machine.deviceModel(policy.deviceMaps()::mark);
            MachineRun run = new MachineRun(machine, RunStatus.PRELAUNCH, _ -> {});
            if (running) {
                run.cont();
            }
            Precopy precopy = new Precopy(
                    machine,
                    run,
                    () -> new Hvm2007Stream(
                            machine.memory(),
                            policy,
                            settings,
                            machine.vcpus(),
                            Channels.newChannel(bytes),
                            (_, _) -> SIDE),
                    new PrecopySettings(Set.of(), () -> MigrationParameters.DEFAULTS, _ -> {}, Clock.SYSTEM));
            precopy.run();
            report = precopy.report();
        }
        return bytes.toByteArray();
    }

    private static Hvm2007Settings settings(WordSize words, boolean debug, int maxIterations, boolean strict) {
        return new Hvm2007Settings(words, true, debug, true, maxIterations, 0, strict);
    }

    /** The stream of 2007 up to its vCPUs. */
    private static byte[] frames(byte[] gold, WordSize words) {
        int tailBytes = 4 + 2 * (4 + words.vcpuContextBytes()) + 4 + 40;
        return Arrays.copyOf(gold, gold.length - tailBytes);
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64, false", "BITS_32, 32, false", "BITS_64, 64, true", "BITS_32, 32, true"})
    void a_running_machine_is_sent_byte_for_byte_as_in_2007(WordSize words, String width, boolean debug)
            throws Exception {
        byte[] stream = migrate(0x420, settings(words, debug, 0, true), "s1.txt", true);
        byte[] gold = frames(Fixtures.gold("seed07-" + width + (debug ? "-debug.img" : "-live.img")), words);
        assertThat(Arrays.copyOf(stream, gold.length)).isEqualTo(gold);
        assertThat(report.rounds())
                .extracting(MigrationReport.Round::sentPages, MigrationReport.Round::skippedPages)
                .containsExactly(tuple(1018L, 3L), tuple(38L, 0L), tuple(354L, 0L));
        assertThat(report.rounds().getLast().last()).isTrue();
    }

    @Test
    void the_most_iterations_may_be_four() throws Exception {
        byte[] stream = migrate(0x420, settings(WordSize.BITS_64, false, 4, true), "s3.txt", true);
        byte[] gold = frames(Fixtures.gold("seed07-64-maxiters4.img"), WordSize.BITS_64);
        assertThat(Arrays.copyOf(stream, gold.length)).isEqualTo(gold);
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64", "BITS_32, 32"})
    void a_machine_that_stands_still_is_sent_byte_for_byte_as_in_2007(WordSize words, String width) throws Exception {
        byte[] stream = migrate(0x420, settings(words, false, 0, false), "", false);
        byte[] gold = frames(Fixtures.gold("seed07-" + width + "-nonlive.img"), words);
        assertThat(Arrays.copyOf(stream, gold.length)).isEqualTo(gold);
    }

    @Test
    void what_the_format_has_no_place_for_is_behind_it() throws Exception {
        byte[] stream = migrate(0x420, settings(WordSize.BITS_32, true, 0, false), "s1.txt", true);
        Memory memory = new Memory(new ArrayList<>());
        Hvm2007Restorer restorer = new Hvm2007Restorer(memory, true);
        DomainReader.Read read = new DomainReader(Fixtures.input(stream), new FrameListener() {
                    @Override
                    public void frames(long frames) {}

                    @Override
                    public void content(long frame, MemorySegment content) {}

                    @Override
                    public void allocated(long frame) {}

                    @Override
                    public void verify() {}
                })
                .read(XenFormat.SEED, Optional.empty());
        assertThat(read.state().emulators().getFirst().content().mismatch(SIDE)).isEqualTo(-1);
        assertThat(read.words()).hasValue(WordSize.BITS_32);
        new Hvm2007Reader(Fixtures.input(stream), WordSize.BITS_32, restorer).read();
        assertThat(restorer.vcpuContexts()).hasSize(2);
        assertThat(restorer.mismatchedPages()).isZero();
    }

    @Test
    void a_guest_that_the_restorer_of_2007_would_not_know_is_refused() {
        assertThatThrownBy(() -> migrate(0x80, settings(WordSize.BITS_64, false, 0, false), "", true))
                .hasMessageContaining("behind the VGA hole");
        assertThatThrownBy(() -> migrate(0x120, settings(WordSize.BITS_64, false, 0, true), "", true))
                .hasMessageContaining("frame 0 in place of all others");
        FrameMap gap = new FrameMap(
                        List.of(new FrameMap.Window(0, 0, 0, 0x200), new FrameMap.Window(0, 0x200, 0x300, 16)))
                .withoutHoles();
        assertThatThrownBy(() -> new Hvm2007Policy(
                        gap,
                        new RamLayout(List.of(new RamBlock("ram", 0x210L * Page.SIZE_BYTES))),
                        settings(WordSize.BITS_64, false, 0, false)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no memory at frame 0x200");
    }
}
