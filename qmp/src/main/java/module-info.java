/** QEMU's Machine Protocol: its messages, and a client that drives a QEMU. */
@org.jspecify.annotations.NullMarked
module dev.godwit.qmp {
    requires static org.jspecify;
    requires dev.godwit.engine;
    requires jdk.net;
    requires tools.jackson.core;

    exports dev.godwit.qmp;
}
