package dev.godwit.cli;

import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The options that every command has, and with them what a command runs with: where its result goes, its
 * {@link StatusLine} and its {@link Interruption}. Used as a {@link Mixin}.
 */
final class CommonOptions {

    @Option(names = "--json", description = "Print one JSON document on standard output, and nothing else there.")
    boolean json;

    @Option(
            names = {"-q", "--quiet"},
            description = "Show no progress.")
    boolean quiet;

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    /** {@return standard output: the command's result, and nothing else} */
    PrintWriter out() {
        return commandSpec().commandLine().getOut();
    }

    /** {@return standard error: progress, warnings, failures} */
    PrintWriter err() {
        return commandSpec().commandLine().getErr();
    }

    /** {@return progress as the user wants to see it; end it before the result is printed} */
    StatusLine progress() {
        return quiet ? StatusLine.silent() : StatusLine.on(err());
    }

    /** {@return the same for work that Ctrl-C simply ends: it changes nothing that anybody sees before it is done} */
    StatusLine cancellableProgress() {
        return progress().cancelledBy(interruption());
    }

    /** {@return what Ctrl-C closes} */
    Interruption interruption() {
        return ((Godwit) commandSpec().root().userObject()).interruption();
    }

    /** {@return a usage error of this command, for what picocli cannot see by itself} */
    ParameterException usage(@Nullable String message) {
        return new ParameterException(commandSpec().commandLine(), String.valueOf(message));
    }

    private CommandSpec commandSpec() {
        if (spec == null) {
            throw new IllegalStateException("picocli has not set the command yet");
        }
        return spec;
    }
}
