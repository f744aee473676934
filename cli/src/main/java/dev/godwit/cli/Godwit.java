package dev.godwit.cli;

import dev.godwit.engine.postcopy.PushPolicy;
import dev.godwit.engine.postcopy.Residency;
import dev.godwit.operations.GodwitVersion;
import dev.godwit.qmp.QmpAddress;
import dev.godwit.transport.MigrationUri;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The {@code godwit} command. */
@Command(
        name = "godwit",
        mixinStandardHelpOptions = true,
        version = "godwit " + Godwit.VERSION,
        description = "Moves and keeps the memory of running virtual machines.")
public final class Godwit implements Callable<Integer> {

    /** The version of this program. */
    static final String VERSION = GodwitVersion.TEXT;

    private static final Map<String, Class<?>> SUBCOMMANDS = subcommands();

    @Spec
    private CommandSpec spec;

    private final Interruption interruption = new Interruption();

    @SuppressWarnings("NullAway.Init") // picocli sets the spec
    Godwit() {}

    /** Runs the command and ends the process with its exit code. */
    public static void main(String[] args) throws InterruptedException {
        Godwit godwit = new Godwit();
        godwit.interruption.handleSignals();
        CommandLine command = godwit.commandLineFor(args)
                .setOut(new PrintWriter(System.out, false, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8));
        int status;
        try {
            status = command.execute(args);
        } catch (OutOfMemoryError e) {
            command.getErr().println("godwit: " + Failures.outOfMemory());
            status = ExitStatus.FAILED;
        }
        command.getOut().flush();
        godwit.interruption.awaitUndone();
        System.exit(status);
    }

    private static Map<String, Class<?>> subcommands() {
        Map<String, Class<?>> inOrder = new LinkedHashMap<>();
        inOrder.put("snapshot", SnapshotCommand.class);
        inOrder.put("receive", ReceiveCommand.class);
        inOrder.put("restore", RestoreCommand.class);
        inOrder.put("clone", CloneCommand.class);
        inOrder.put("clones", ClonesCommand.class);
        inOrder.put("inspect", InspectCommand.class);
        inOrder.put("verify", VerifyCommand.class);
        inOrder.put("diff", DiffCommand.class);
        inOrder.put("convert", ConvertCommand.class);
        inOrder.put("run", RunCommand.class);
        inOrder.put("migrate", MigrateCommand.class);
        inOrder.put("compare", CompareCommand.class);
        inOrder.put("demo", DemoCommand.class);
        inOrder.put("doctor", DoctorCommand.class);
        inOrder.put("bench", BenchCommand.class);
        inOrder.put("help", CommandLine.HelpCommand.class);
        return inOrder;
    }

    /** {@return the parser and runner of the whole command line, its failures mapped to exit statuses} */
    CommandLine commandLine() {
        return commandLine(SUBCOMMANDS);
    }

    /**
     * {@return what parses and runs these words} It knows the one subcommand only that they begin with, if it needs no
     * other: to read the options of all of them is most of the time that a short command takes.
     */
    CommandLine commandLineFor(String... words) {
        String first = words.length == 0 ? "" : words[0];
        Class<?> named = SUBCOMMANDS.get(first);
        if (named == null || first.equals("help")) {
            return commandLine(first.equals("--version") ? Map.of() : SUBCOMMANDS);
        }
        return commandLine(Map.of(first, named));
    }

    private CommandLine commandLine(Map<String, Class<?>> subcommands) {
        Failures failures = new Failures(interruption);
        CommandLine command = new CommandLine(this);
        subcommands.forEach(command::addSubcommand);
        command.getSubcommands()
                .values()
                .forEach(subcommand -> subcommand.getCommandSpec().version("godwit " + VERSION));
        return command.setExecutionExceptionHandler(failures)
                .setParameterExceptionHandler(failures)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .registerConverter(ByteCount.class, ByteCount::parse)
                .registerConverter(PushPolicy.class, text -> checked(text, PushPolicy::parse))
                .registerConverter(Residency.class, text -> checked(text, Residency::parse))
                .registerConverter(Latency.class, text -> checked(text, Latency::parse))
                .registerConverter(QmpAddress.class, text -> checked(text, QmpAddress::parse))
                .registerConverter(MigrationUri.class, text -> checked(text, MigrationUri::parse));
    }

    /** picocli prints the words of its own exception only. */
    private static <T> T checked(String text, Function<String, T> parser) {
        try {
            return parser.apply(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    /** {@return what Ctrl-C closes} */
    Interruption interruption() {
        return interruption;
    }

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getErr());
        return ExitStatus.USAGE;
    }
}
