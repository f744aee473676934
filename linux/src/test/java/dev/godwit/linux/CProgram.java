package dev.godwit.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.File;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** A C program that is written, compiled and run to ask this machine's headers. */
final class CProgram {

    private final StringBuilder text =
            new StringBuilder("#define _GNU_SOURCE\n#include <stdio.h>\n#include <stddef.h>\n");
    private final StringBuilder body = new StringBuilder("int main(void) {\n");

    CProgram include(String... headers) {
        for (String header : headers) {
            text.append("#include <").append(header).append(">\n");
        }
        return this;
    }

    /** Asks for a macro, which the headers may not know. */
    void value(String macro) {
        body.append("#ifdef %1$s\n    printf(\"%1$s %%lu\\n\", (unsigned long) (%1$s));\n#endif\n".formatted(macro));
    }

    /** Asks for the size of a structure and the places of its fields. */
    void layout(StructLayout layout) {
        String type = layout.name().orElseThrow();
        body.append("    printf(\"%1$s %%zu\\n\", sizeof(struct %1$s));\n".formatted(type));
        for (MemoryLayout member : layout.memberLayouts()) {
            if (!(member instanceof PaddingLayout)) {
                body.append("    printf(\"%1$s.%2$s %%zu\\n\", offsetof(struct %1$s, %2$s));\n"
                        .formatted(type, member.name().orElseThrow()));
            }
        }
    }

    /** {@return what a layout says for itself, under the names that {@link #layout} asks for} */
    static Map<String, Long> describe(StructLayout layout) {
        Map<String, Long> offsets = new TreeMap<>();
        String type = layout.name().orElseThrow();
        offsets.put(type, layout.byteSize());
        for (MemoryLayout member : layout.memberLayouts()) {
            if (!(member instanceof PaddingLayout)) {
                String name = member.name().orElseThrow();
                offsets.put(type + "." + name, layout.byteOffset(PathElement.groupElement(name)));
            }
        }
        return offsets;
    }

    /** {@return whether the headers know all of some macros} */
    boolean defines(Path folder, String... macros) throws Exception {
        for (String macro : macros) {
            value(macro);
        }
        return run(folder).size() == macros.length;
    }

    /** {@return the answers by name} */
    Map<String, Long> run(Path folder) throws Exception {
        assumeThat(isOnPath("cc"))
                .as("layouts are not checked: this machine has no C compiler named cc")
                .isTrue();
        Path source = Files.createTempFile(folder, "ask", ".c");
        Path binary = folder.resolve(source.getFileName() + ".out");
        Files.writeString(source, text.toString() + body + "    return 0;\n}\n");
        run("cc", "-o", binary.toString(), source.toString());
        Map<String, Long> answers = new TreeMap<>();
        run(binary.toString()).lines().forEach(line -> {
            int space = line.lastIndexOf(' ');
            answers.put(line.substring(0, space), Long.parseUnsignedLong(line.substring(space + 1)));
        });
        return answers;
    }

    @SuppressWarnings("StringSplitter") // an empty element of the PATH is no folder and does no harm
    private static boolean isOnPath(String program) {
        String path = System.getenv().getOrDefault("PATH", "");
        for (String folder : path.split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return true;
            }
        }
        return false;
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }
}
