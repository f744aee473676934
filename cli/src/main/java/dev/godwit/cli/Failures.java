package dev.godwit.cli;

import dev.godwit.engine.GuestLocation;
import dev.godwit.engine.MigrationException;
import java.io.PrintWriter;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * Turns exceptions into one line on standard error and an exit status; with {@code --json} also into a document with
 * {@code error} and {@code guestLocation}. With the environment's {@code GODWIT_DEBUG} the stack trace follows.
 */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {

    private final Interruption interruption;

    Failures(Interruption interruption) {
        this.interruption = interruption;
    }

    @Override
    public int handleExecutionException(Exception exception, CommandLine command, ParseResult parsed) {
        boolean interrupted = interruption.isInterrupted();
        Optional<GuestLocation> location = exception instanceof MigrationException migration
                ? Optional.of(migration.guestLocation())
                : Optional.empty();
        String message = (interrupted ? "interrupted: " : "") + describe(exception);
        PrintWriter err = command.getErr();
        err.println("godwit " + command.getCommandName() + ": " + message
                + location.map(where -> " (" + words(where) + ")").orElse(""));
        if (System.getenv("GODWIT_DEBUG") != null) {
            exception.printStackTrace(err);
        }
        err.flush();
        if (wantsJson(parsed)) {
            JsonOutput.print(command.getOut(), json -> {
                json.writeStringProperty("error", message);
                location.ifPresent(where -> json.writeStringProperty("guestLocation", where.name()));
            });
        }
        return interrupted ? ExitStatus.INTERRUPTED : ExitStatus.FAILED;
    }

    private static boolean wantsJson(ParseResult parsed) {
        ParseResult innermost = parsed;
        while (innermost.hasSubcommand()) {
            innermost = innermost.subcommand();
        }
        return innermost.hasMatchedOption("--json");
    }

    @Override
    public int handleParseException(ParameterException exception, String[] arguments) {
        CommandLine command = exception.getCommandLine();
        PrintWriter err = command.getErr();
        err.println(command.getCommandSpec().qualifiedName() + ": "
                + Printable.text(Objects.requireNonNullElse(exception.getMessage(), "usage")));
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        err.flush();
        return ExitStatus.USAGE;
    }

    /** {@return what happened, in one line that is safe on a terminal} */
    static String describe(Exception exception) {
        String text = switch (exception) {
            case NoSuchFileException e -> e.getFile() + ": no such file or folder";
            case AccessDeniedException e -> e.getFile() + ": permission denied";
            case FileAlreadyExistsException e ->
                e.getFile() + ": " + Objects.requireNonNullElse(e.getReason(), "is there already");
            case FileSystemException e when e.getReason() != null -> e.getFile() + ": " + e.getReason();
            case CancellationException _ -> "nothing was changed";
            case ClosedChannelException _ -> "the connection or file was closed";
            case RuntimeException e -> "a defect in godwit: " + e + " (GODWIT_DEBUG=1 shows where)";
            default -> exception.getMessage() == null ? exception.toString() : exception.getMessage();
        };
        return Printable.text(text);
    }

    /** {@return what to say where the heap was used up: by what a file or a source sent, for its pages are counted} */
    static String outOfMemory() {
        return "this JVM's heap of " + (Runtime.getRuntime().maxMemory() >> 20)
                + " MiB is used up; GODWIT_OPTS=-Xmx1g, for example, sets a larger one";
    }

    private static String words(GuestLocation location) {
        return switch (location) {
            case GUEST_AT_SOURCE -> "guest: GUEST_AT_SOURCE, it is at the source, as it was";
            case GUEST_AT_DESTINATION ->
                "guest: GUEST_AT_DESTINATION, it is at the destination; the source must not run it again";
            case GUEST_LOST -> "guest: GUEST_LOST, neither side holds the whole guest any more";
        };
    }
}
