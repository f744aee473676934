package dev.godwit.cli;

import dev.godwit.operations.RestoreResult;
import dev.godwit.transport.ByteSize;
import java.io.PrintWriter;

/** What an eager or a mapped restore has come to, for people and for programs. */
final class RestoreOutput {

    private RestoreOutput() {}

    static void printText(PrintWriter out, RestoreResult result) {
        out.println("the guest is at the destination"
                + result.runState()
                        .map(state -> " (" + Printable.text(state) + ")")
                        .orElse("") + ": a "
                + Printable.text(result.machineType()) + " with " + ByteSize.format(result.ramBytes())
                + " of RAM, restored in " + Durations.text(result.total()));
        if (result.mappedBytes() > 0) {
            out.println("mapped      " + ByteSize.format(result.mappedBytes()) + " of it, from the file");
        }
        if (result.verifiedPages().isPresent()) {
            out.println("verified    all of the file, " + result.verifiedPages().getAsLong() + " pages");
        } else if (result.mappedBytes() > 0) {
            out.println("verified    none of what is mapped (--verify holds all pages against their checksums first)");
        }
        out.flush();
    }

    static void printJson(PrintWriter out, RestoreResult result) {
        JsonOutput.print(out, json -> {
            json.writeStringProperty("guestLocation", "GUEST_AT_DESTINATION");
            json.writeStringProperty("machineType", result.machineType());
            json.writeNumberProperty("ramBytes", result.ramBytes());
            json.writeNumberProperty("mappedBytes", result.mappedBytes());
            json.writeBooleanProperty("verified", result.verifiedPages().isPresent());
            result.verifiedPages().ifPresent(pages -> json.writeNumberProperty("verifiedPages", pages));
            result.runState().ifPresent(state -> json.writeStringProperty("runState", state));
            json.writeNumberProperty("totalMs", result.total().toMillis());
        });
    }
}
