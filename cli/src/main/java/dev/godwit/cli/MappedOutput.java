package dev.godwit.cli;

import dev.godwit.operations.MappedArguments;
import dev.godwit.snapshot.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** The arguments by which a QEMU has a snapshot as its RAM: an option and its value a line, as a shell reads them. */
final class MappedOutput {

    private MappedOutput() {}

    static void printArguments(CommonOptions common, Path file) throws IOException {
        MappedArguments arguments;
        try (Snapshot snapshot = Snapshot.open(file)) {
            arguments = MappedArguments.of(snapshot);
        }
        if (common.json) {
            JsonOutput.print(common.out(), json -> {
                json.writeStringProperty("block", arguments.block().id());
                json.writeArrayPropertyStart("arguments");
                arguments.options().forEach(json::writeString);
                json.writeEndArray();
            });
            return;
        }
        List<String> options = arguments.options();
        for (int option = 0; option < options.size(); option += 2) {
            common.out().println(quoted(options.get(option)) + " " + quoted(options.get(option + 1)));
        }
        common.out().flush();
    }

    private static String quoted(String argument) {
        boolean plain =
                argument.chars().allMatch(c -> Character.isLetterOrDigit(c) ? c < 128 : "-_=,./:+@%".indexOf(c) >= 0);
        return plain
                ? argument
                : argument.chars()
                        .mapToObj(c -> c == '\'' ? "'\\''" : Character.toString(c))
                        .collect(Collectors.joining("", "'", "'"));
    }
}
