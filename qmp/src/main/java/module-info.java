/** QEMU's Machine Protocol: its messages, a client that drives a QEMU, and a server for machines of ours. */
@org.jspecify.annotations.NullMarked
module dev.godwit.qmp {
    requires static org.jspecify;
    requires transitive dev.godwit.engine;
    requires jdk.net;
    requires tools.jackson.core;

    exports dev.godwit.qmp;
    exports dev.godwit.qmp.server;
}
