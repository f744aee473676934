/** The command line: the composition root, the only room that knows every other. */
@org.jspecify.annotations.NullMarked
module dev.godwit.cli {
    requires static org.jspecify;
    requires dev.godwit.operations;
    requires dev.godwit.host;
    requires dev.godwit.linux;
    requires info.picocli;
    requires tools.jackson.core;
    requires jdk.unsupported;

    opens dev.godwit.cli to
            info.picocli;
}
