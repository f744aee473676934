package dev.godwit.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.godwit.engine.MigrationException;
import dev.godwit.engine.migration.MigrationReport.Round;
import dev.godwit.ram.Page;
import dev.godwit.ram.RamBlock;
import dev.godwit.ram.RamLayout;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rules of 2007 as the engine's policy, and their stream as its codec, against what the program of 2007 wrote. */
class Hvm2007StreamTest {

    private static ScriptedSave save(long frames, Hvm2007Settings settings, String scenario) {
        String script = scenario.isEmpty() ? "" : new String(Fixtures.gold(scenario), StandardCharsets.UTF_8);
        return new ScriptedSave(frames, settings, script);
    }

    private static Hvm2007Settings settings(WordSize words, boolean debug, int maxIterations, boolean strict) {
        return new Hvm2007Settings(words, debug, maxIterations, 0, strict);
    }

    /** The stream of 2007 up to its vCPUs: what follows is not the guest's RAM. */
    private static byte[] frames(String gold, WordSize words) {
        byte[] all = Fixtures.gold(gold);
        int tailBytes = 4 + 2 * (4 + words.vcpuContextBytes()) + 4 + 40;
        return Arrays.copyOf(all, all.length - tailBytes);
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64, false", "BITS_32, 32, false", "BITS_64, 64, true", "BITS_32, 32, true"})
    void a_running_machine_is_sent_byte_for_byte_as_in_2007(WordSize words, String width, boolean debug)
            throws Exception {
        try (ScriptedSave save = save(0x420, settings(words, debug, 0, true), "s1.txt")) {
            byte[] stream = save.run(true);
            byte[] gold = frames("seed07-" + width + (debug ? "-debug.img" : "-live.img"), words);
            assertThat(Arrays.copyOf(stream, gold.length)).isEqualTo(gold);
            assertThat(save.rounds())
                    .extracting(Round::sentPages, Round::skippedPages)
                    .containsExactly(tuple(1018L, 3L), tuple(38L, 0L), tuple(354L, 0L));
            assertThat(save.rounds().getLast().last()).isTrue();
            assertThat(save.machine.calls).containsExactly("enable", "suspend", "disable");
        }
    }

    @Test
    void the_most_iterations_may_be_four() throws Exception {
        try (ScriptedSave save = save(0x420, settings(WordSize.BITS_64, false, 4, true), "s3.txt")) {
            byte[] gold = frames("seed07-64-maxiters4.img", WordSize.BITS_64);
            assertThat(Arrays.copyOf(save.run(true), gold.length)).isEqualTo(gold);
        }
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64", "BITS_32, 32"})
    void a_machine_that_stands_still_is_sent_byte_for_byte_as_in_2007(WordSize words, String width) throws Exception {
        try (ScriptedSave save = save(0x420, settings(words, false, 0, false), "")) {
            byte[] gold = frames("seed07-" + width + "-nonlive.img", words);
            assertThat(Arrays.copyOf(save.run(false), gold.length)).isEqualTo(gold);
        }
    }

    @ParameterizedTest
    @CsvSource({"BITS_64, 64", "BITS_32, 32"})
    void frames_that_cannot_be_mapped_go_without_content(WordSize words, String width) throws Exception {
        try (ScriptedSave save = save(0x420, settings(words, false, 0, false), "")) {
            save.unmappable.addAll(Set.of(0x10L, 0x11L, 0x3FL));
            byte[] gold = frames("seed07-" + width + "-unmapped.img", words);
            assertThat(Arrays.copyOf(save.run(false), gold.length)).isEqualTo(gold);
        }
    }

    @Test
    void without_the_bugs_of_2007_no_frame_is_sent_for_the_size_of_a_map() throws Exception {
        try (ScriptedSave save = save(0x420, settings(WordSize.BITS_64, false, 0, false), "s1.txt")) {
            save.run(true);
            assertThat(save.rounds()).extracting(Round::sentPages).containsExactly(1018L, 37L, 354L);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 16, 13401", "1, 3, 5276", "50, 30, 21647"})
    void it_ends_as_the_original_did_when_the_guest_goes_on_writing(int maxFactor, int iterations, long total)
            throws Exception {
        Hvm2007Settings settings = new Hvm2007Settings(WordSize.BITS_64, false, 0, maxFactor, true);
        try (ScriptedSave save = save(0x1020, settings, "s3.txt")) {
            save.run(true);
            assertThat(save.rounds()).hasSize(iterations);
            assertThat(save.rounds().stream().mapToLong(Round::sentPages).sum()).isEqualTo(total);
        }
    }

    @Test
    void what_was_saved_is_restored_and_compares_equal() throws Exception {
        try (ScriptedSave save = save(0x420, settings(WordSize.BITS_32, true, 0, false), "s1.txt")) {
            byte[] stream = save.run(true);
            Memory memory = new Memory(new ArrayList<>());
            Hvm2007Restorer restorer = new Hvm2007Restorer(memory, true);
            new Hvm2007Reader(Fixtures.input(stream), WordSize.BITS_32, restorer).read();
            MemorySegment ram = save.machine.memory().block(0);
            for (long frame = 0; frame < 0x41D; frame++) {
                if (frame < 0xA0 || frame >= 0xC0) {
                    assertThat(memory.frame(frame).mismatch(ram.asSlice(frame * Page.SIZE_BYTES, Page.SIZE_BYTES)))
                            .as("frame %x", frame)
                            .isEqualTo(-1);
                }
            }
            assertThat(restorer.vcpuContexts()).hasSize(2);
            assertThat(restorer.mismatchedPages()).isZero();
        }
    }

    @Test
    void what_the_format_has_no_place_for_is_behind_it() throws Exception {
        try (ScriptedSave save = save(0x420, settings(WordSize.BITS_32, true, 0, false), "s1.txt")) {
            List<MemorySegment> behind = new ArrayList<>();
            Memory memory = new Memory(new ArrayList<>()) {
                @Override
                public void deviceModel(MemorySegment content) {
                    behind.add(content);
                }
            };
            new Hvm2007Reader(Fixtures.input(save.run(true)), WordSize.BITS_32, memory).read();
            assertThat(behind).hasSize(1);
            assertThat(behind.getFirst().mismatch(ScriptedSave.SIDE)).isEqualTo(-1);
        }
    }

    @Test
    void a_busy_domain_may_be_asked_99_times() throws Exception {
        try (ScriptedSave save = save(0x120, settings(WordSize.BITS_64, false, 0, false), "")) {
            for (int i = 0; i < 99; i++) {
                save.machine.states.add(Suspension.State.RUNNING);
                save.machine.states.add(Suspension.State.PAUSED);
            }
            save.run(true);
            assertThat(save.machine.calls).hasSize(2 + 1 + 99).contains("unpause");
        }
        try (ScriptedSave busier = save(0x120, settings(WordSize.BITS_64, false, 0, false), "")) {
            for (int i = 0; i < 100; i++) {
                busier.machine.states.add(Suspension.State.RUNNING);
            }
            assertThatThrownBy(() -> busier.run(true)).hasMessageContaining("did not suspend within 100 polls");
            assertThat(busier.machine.isRunning()).isTrue();
        }
    }

    @Test
    void a_domain_that_is_gone_ends_a_save_with_the_log_off() {
        try (ScriptedSave save = save(0x420, settings(WordSize.BITS_64, false, 0, false), "s1.txt")) {
            save.machine.states.add(Suspension.State.GONE);
            assertThatThrownBy(() -> save.run(true))
                    .isInstanceOf(MigrationException.class)
                    .hasMessageContaining("gone");
            assertThat(save.machine.calls).containsExactly("enable", "suspend", "disable");
        }
    }

    @Test
    void a_guest_that_the_restorer_of_2007_would_not_know_is_refused() {
        try (ScriptedSave small = save(0x80, settings(WordSize.BITS_64, false, 0, false), "");
                ScriptedSave bugged = save(0x120, settings(WordSize.BITS_64, false, 0, true), "")) {
            assertThatThrownBy(() -> small.run(true)).hasMessageContaining("behind the VGA hole");
            assertThatThrownBy(() -> bugged.run(true)).hasMessageContaining("frame 0 in place of all others");
        }
        FrameMap gap = new FrameMap(
                        List.of(new FrameMap.Window(0, 0, 0, 0x200), new FrameMap.Window(0, 0x200, 0x300, 16)))
                .withoutHoles();
        RamLayout layout = new RamLayout(List.of(new RamBlock("ram", 0x210L * Page.SIZE_BYTES)));
        assertThatThrownBy(() -> new Hvm2007Policy(gap, layout, settings(WordSize.BITS_64, false, 0, false)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("no memory at frame 0x200");
    }
}
