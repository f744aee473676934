package dev.godwit.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/** {@code godwit bench} where there is no source tree: the launcher there runs the benchmarks itself. */
@Command(
        name = "bench",
        description = {
            "Measures Godwit beside stock QEMU and the machine's own limits. Needs the source tree, whose './godwit bench' does it."
        })
final class BenchCommand implements Callable<Integer> {

    @Unmatched
    private List<String> given = new ArrayList<>();

    @Spec
    private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    BenchCommand() {}

    @Override
    public Integer call() {
        spec.commandLine()
                .getErr()
                .println(
                        "godwit bench: the benchmarks are programs of the source tree and are not installed; run './godwit"
                                + " bench" + (given.isEmpty() ? "" : " " + String.join(" ", given)) + "' there");
        return ExitStatus.FAILED;
    }
}
