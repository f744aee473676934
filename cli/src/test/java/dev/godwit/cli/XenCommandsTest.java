package dev.godwit.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Inspect, verify, diff and convert over the formats of Xen's. */
class XenCommandsTest {

    /** Without a batch and a chunk the width of words does not show. */
    private static final String NO_GUESS = "legacy32-min.img";

    @TempDir
    Path folder;

    private static Run done(Object... arguments) {
        Run run = Run.of(arguments);
        assertThat(run.status()).as(run.err()).isZero();
        return run;
    }

    private static String from(String name) {
        return name.startsWith("seed07") ? "xen-seed" : "xen-legacy";
    }

    private Run verify(String name) throws Exception {
        Path image = XenSamples.unpack(name, folder);
        return name.startsWith("v") || name.startsWith("bad")
                ? Run.of("verify", image)
                : Run.of("verify", "--from", from(name) + (name.equals(NO_GUESS) ? "-32" : ""), image);
    }

    static Stream<String> samples() throws Exception {
        return XenSamples.names().stream();
    }

    @ParameterizedTest
    @MethodSource("samples")
    void every_sample_is_taken_or_refused_as_the_tables_of_verdicts_say(String name) throws Exception {
        boolean bad = name.contains("bad-")
                || name.contains("oldqemu")
                || name.contains("remusqemu")
                || name.equals("v3-no-sde.img")
                || name.equals("v3-hvm-ckpt.img")
                || name.equals("v3-hvm-verify-mismatch.img");
        Run run = verify(name);
        if (bad) {
            assertThat(run.status()).as(name + run.out() + run.err()).isIn(ExitStatus.FAILED, ExitStatus.FOUND);
            assertThat(run.out() + run.err()).isNotEmpty();
        } else {
            assertThat(run.status()).as(run.out() + run.err()).isZero();
            assertThat(run.out()).contains("the structure is sound");
        }
    }

    @Test
    void pages_that_do_not_compare_equal_are_found_and_named() throws Exception {
        Run run = verify("v3-hvm-verify-mismatch.img");
        assertThat(run.status()).isEqualTo(ExitStatus.FOUND);
        assertThat(run.out()).contains("block xen.ram", "guest physical", "damaged");
    }

    @Test
    void the_words_of_a_stream_of_2007_are_guessed_and_that_is_said() throws Exception {
        for (int width : new int[] {32, 64}) {
            Path image = XenSamples.unpack("seed07-%d.img".formatted(width), folder);
            assertThat(done("inspect", "--from", "xen-seed", image).out())
                    .contains(width + " bits, guessed from the first bytes")
                    .contains("of the saver of April 2007", "xen/vcpu-contexts", "xen/hvm-context");
            assertThat(done("inspect", "--json", "--from", "xen-seed-" + width, image)
                            .json()
                            .at("words")
                            .value())
                    .isEqualTo(width + " bits");
        }
        Run other = Run.of("inspect", "--from", "xen-seed-32", folder.resolve("seed07-64.img"));
        assertThat(other.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(Run.of("inspect", "--from", "xen-sead", folder).err()).contains("xen-seed-64");
    }

    @Test
    void a_legacy_stream_in_a_file_of_xl_save_shows_itself() throws Exception {
        Run run = done("inspect", XenSamples.unpack("legacy64-xl.img", folder));
        assertThat(run.out()).contains("of before Xen 4.6", "xen/xl-config", "xen/emulator-context");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "v3-hvm.img",
                "v3-xl-json.img",
                "v3-hvm-policy.img",
                "v3-libxl-xsempty.img",
                "v3-hvm-types.img",
                "v3real-v1-f3.img",
                "legacy64-full.img",
                "legacy32-xl.img",
                "seed07-32-live.img",
            })
    void what_xen_saved_goes_through_a_snapshot_and_a_stream_and_comes_back_the_same(String name) throws Exception {
        Path image = XenSamples.unpack(name, folder);
        String format = name.startsWith("v") ? "xen-v3" : from(name) + (name.contains("32") ? "-32" : "-64");
        Path snapshot = folder.resolve("snapshot");
        Path stream = folder.resolve("stream");
        Path back = folder.resolve("back");
        done("convert", image, snapshot, "--to", "mapped-ram", "--from", format);
        done("verify", snapshot);
        done("convert", snapshot, stream, "--to", "qemu");
        done("diff", snapshot, stream);
        done("convert", stream, back, "--to", format);
        done("diff", image, back, "--from", format);
    }

    @ParameterizedTest
    @CsvSource({"mapped-ram.mig, pc", "precopy-q35.mig, q35"})
    void a_guest_of_qemu_becomes_a_domain_and_itself_again(String capture, String machine) throws Exception {
        Path guest = Captures.unpack(capture, folder);
        for (String format : new String[] {"xen-v3", "xen-legacy", "xen-legacy-32", "xen-seed", "xen-seed-32"}) {
            Path domain = folder.resolve(machine + "." + format);
            done("convert", guest, domain, "--to", format);
            done("diff", guest, domain, "--from-b", format);
        }
        XenSamples.Verdict verdict = XenSamples.verify(folder.resolve(machine + ".xen-v3"), "libxl");
        assertThat(verdict.status()).as(verdict.said()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"xen-legacy, 64", "xen-legacy-32, 32"})
    void what_xen_s_converter_makes_of_our_legacy_stream_is_accepted_by_its_checker_and_is_the_same_guest(
            String format, int width) throws Exception {
        Path guest = Captures.unpack("mapped-ram.mig", folder);
        Path legacy = folder.resolve("legacy");
        Path converted = folder.resolve("converted");
        done("convert", guest, legacy, "--to", format);
        XenSamples.Verdict verdict = XenSamples.convert(legacy, converted, width, "libxl");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        verdict = XenSamples.verify(converted, "libxl");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        done("diff", guest, converted);
    }

    @Test
    void what_a_format_has_no_place_for_is_refused_by_name_and_left_out_by_name() throws Exception {
        Path image = XenSamples.unpack("v3-hvm-policy.img", folder);
        Path legacy = folder.resolve("legacy");
        Run run = Run.of("convert", image, legacy, "--to", "xen-legacy");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("--drop X86_CPUID_POLICY,X86_MSR_POLICY leaves it out");
        assertThat(legacy).doesNotExist();
        done("convert", image, legacy, "--to", "xen-legacy", "--drop", "X86_CPUID_POLICY,X86_MSR_POLICY");
        Run needless = Run.of("convert", image, folder.resolve("x"), "--to", "xen-v3", "--drop", "X87");
        assertThat(needless.err()).contains("nothing that is called X87");
        assertThat(needless.status()).isEqualTo(ExitStatus.FAILED);
    }

    @Test
    void contexts_of_the_other_width_are_refused_and_can_be_left_out() throws Exception {
        Path image = XenSamples.unpack("seed07-32-live.img", folder);
        Path wide = folder.resolve("wide");
        Run run = Run.of("convert", image, wide, "--from", "xen-seed", "--to", "xen-seed-64");
        assertThat(run.status()).isEqualTo(ExitStatus.FAILED);
        assertThat(run.err()).contains("2800 bytes", "VCPU_CONTEXTS");
        done("convert", image, wide, "--from", "xen-seed", "--to", "xen-seed-64", "--drop", "VCPU_CONTEXTS");
        done("verify", "--from", "xen-seed-64", wide);
    }

    @ParameterizedTest
    @ValueSource(strings = {"v3-hvm.img", "v3real-v2-f1.img", "v3-libxl.img", "v3-xl-json.img"})
    void a_domain_is_written_again_as_xen_s_checker_takes_it(String name) throws Exception {
        Path image = XenSamples.unpack(name, folder);
        Path copy = folder.resolve("copy");
        done("convert", image, copy, "--to", "xen-v3");
        done("diff", image, copy);
        String format = name.contains("xl-json") ? "xl" : name.contains("libxl") ? "libxl" : "libxc";
        XenSamples.Verdict verdict = XenSamples.verify(copy, format);
        assertThat(verdict.status()).as(verdict.said()).isZero();
    }

    @Test
    void a_stream_of_2007_becomes_a_modern_one_that_xen_s_checker_takes() throws Exception {
        Path image = XenSamples.unpack("seed07-64-live.img", folder);
        Path modern = folder.resolve("modern");
        Run run = Run.of("convert", image, modern, "--from", "xen-seed", "--to", "xen-v3");
        assertThat(run.err()).contains("--drop VCPU_CONTEXTS leaves it out");
        done("convert", image, modern, "--from", "xen-seed", "--to", "xen-v3", "--drop", "VCPU_CONTEXTS");
        XenSamples.Verdict verdict = XenSamples.verify(modern, "libxc");
        assertThat(verdict.status()).as(verdict.said()).isZero();
        Run difference = Run.of("diff", image, modern, "--from", "xen-seed", "--from-b", "xen-v3");
        assertThat(difference.out()).doesNotContain("block").contains("xen/vcpu-contexts");
        byte[] cut = Arrays.copyOf(Files.readAllBytes(modern), 5000);
        Run damaged = Run.of("verify", Files.write(folder.resolve("cut"), cut));
        assertThat(damaged.status()).isEqualTo(ExitStatus.FOUND);
        assertThat(damaged.out()).contains("the end after");
    }
}
