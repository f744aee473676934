package dev.godwit.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultPrettyPrinter;

/**
 * Writes a command's one JSON document, ended by a newline. It is made whole before the first byte goes out, so that a
 * failure in the middle leaves room for the document that tells of it.
 */
final class JsonOutput {

    private static final JsonFactory FACTORY = new JsonFactory();

    /** Writes the properties of the document's one object. */
    interface Document {
        void write(JsonGenerator json);
    }

    private JsonOutput() {}

    static void print(PrintWriter target, Document document) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = FACTORY.createGenerator(new Pretty(), text)) {
            json.writeStartObject();
            document.write(json);
            json.writeEndObject();
        }
        target.println(text);
        target.flush();
    }

    private static final class Pretty extends ObjectWriteContext.Base {
        @Override
        public PrettyPrinter getPrettyPrinter() {
            return new DefaultPrettyPrinter();
        }

        @Override
        public boolean hasPrettyPrinter() {
            return true;
        }
    }
}
