package dev.godwit.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The command line that starts this very program again: the same JVM with the same options. */
final class SelfCommand {

    private SelfCommand() {}

    /**
     * {@return the command}
     *
     * @param arguments of the program, its subcommand first
     * @throws IOException if this process cannot be told how it was started
     */
    static List<String> with(List<String> arguments) throws IOException {
        ProcessHandle.Info self = ProcessHandle.current().info();
        String java = self.command()
                .orElseThrow(() -> new IOException("the system does not say how this program was"
                        + " started, so that it cannot start a second one"));
        List<String> command = new ArrayList<>();
        command.add(java);
        List<String> own = Arrays.asList(self.arguments().orElse(new String[0]));
        int module = Math.max(own.indexOf("--module"), own.indexOf("-m"));
        if (module < 0 || module + 1 >= own.size()) {
            throw new IOException("this program was not started as a module, so that it cannot start a second one; use"
                    + " the godwit launcher");
        }
        command.addAll(own.subList(0, module + 2));
        command.addAll(arguments);
        return command;
    }
}
