package dev.godwit.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;

/** A command that was run in this process, with what it said. */
record Run(int status, String out, String err) {

    static Run of(Object... arguments) {
        return of(new Godwit(), arguments);
    }

    static Run of(Godwit godwit, Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] texts = new String[arguments.length];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = arguments[i].toString();
        }
        CommandLine command =
                godwit.commandLineFor(texts).setOut(new PrintWriter(out)).setErr(new PrintWriter(err, true));
        int status = command.execute(texts);
        return new Run(status, out.toString(), err.toString());
    }

    /** {@return the one document on standard output} */
    Json json() {
        return Json.parse(out);
    }
}
