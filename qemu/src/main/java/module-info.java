/** The QEMU migration stream and its files: sections, RAM records, multifd packets, mapped-ram, vmstate. */
@org.jspecify.annotations.NullMarked
module dev.godwit.qemu {
    requires static org.jspecify;
    requires transitive dev.godwit.engine;
    requires dev.godwit.codec;
    requires tools.jackson.core;

    exports dev.godwit.qemu;
    exports dev.godwit.qemu.mappedram;
    exports dev.godwit.qemu.multifd;
    exports dev.godwit.qemu.vmstate;
}
