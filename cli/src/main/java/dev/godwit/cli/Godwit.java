package dev.godwit.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The {@code godwit} command. */
@Command(
        name = "godwit",
        mixinStandardHelpOptions = true,
        version = "godwit 0.1.0-SNAPSHOT",
        description = "Moves and keeps the memory of running virtual machines.",
        subcommands = {CommandLine.HelpCommand.class})
public final class Godwit implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    Godwit() {}

    /** Runs the command and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Godwit()).execute(args));
    }

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getOut());
        return CommandLine.ExitCode.USAGE;
    }
}
